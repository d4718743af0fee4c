"""Texts of which there are only a few, each with a name, without `enum`: it takes as long to import as a short command runs.

A type checker sees an `enum.Enum` of texts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import Enum

    class Choice(str, Enum):
        """A text that is one of a few: iterate over its class for all of them, call it with a text for its member."""

        def __str__(self) -> str:
            return str(self.value)

else:

    class _Choices(type):
        """The class of such texts."""

        def __new__(cls, name: str, bases: tuple, body: dict) -> _Choices:
            texts = {key: body.pop(key) for key in list(body) if key.isupper() and not key.startswith("_")}
            made = super().__new__(cls, name, bases, body)
            made._by_text = {}
            for key, text in texts.items():
                member = made._by_text[text] = str.__new__(made, text)
                member.name, member.value = key, text
                type.__setattr__(made, key, member)
            return made

        def __call__(cls, text: str) -> Choice:
            try:
                return cls._by_text[text]
            except (KeyError, TypeError):
                raise ValueError(f"{text!r} is not a valid {cls.__qualname__}") from None

        def __iter__(cls) -> object:
            return iter(cls._by_text.values())

        def __len__(cls) -> int:
            return len(cls._by_text)

        def __setattr__(cls, name: str, value: object) -> None:
            if not name.startswith("_"):
                raise AttributeError(f"{cls.__qualname__}.{name} cannot be changed")
            type.__setattr__(cls, name, value)

    class Choice(str, metaclass=_Choices):  # noqa: SLOT000 - each has a name and a value
        """A text that is one of a few: iterate over its class for all of them, call it with a text for its member."""

        def __str__(self) -> str:
            return self.value

        def __repr__(self) -> str:
            return f"<{type(self).__qualname__}.{self.name}: {self.value!r}>"

        def __reduce__(self) -> tuple:
            return type(self), (self.value,)
