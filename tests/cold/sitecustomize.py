"""On the path of the tests' daemons: their warm zygote gets ready without scikit-learn.

Importing it costs a daemon more than a second of processor time, and the tests start some hundreds of daemons,
nearly all for runs that train nothing. A run that does train imports it by itself. Tests that ask for `as_installed`
have daemons as a user has them.
"""

import sys

_LAUNCHER = "runforge.backends.local.launcher"


class _Cold:
    """Has the launcher warm its zygotes no further than a command needs, once it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != _LAUNCHER:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None:
            spec.loader.exec_module = _patched(spec.loader.exec_module)
        return spec


def _patched(execute):
    def run(module):
        execute(module)
        module.WARMUP = module.FINISH

    return run


sys.meta_path.insert(0, _Cold())
