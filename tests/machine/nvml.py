"""The made-up NVML of the gauntlets, for tests."""

from gauntlets.made_gpus import CLAIM, FakeNvml, uuid

__all__ = ["CLAIM", "FakeNvml", "uuid"]
