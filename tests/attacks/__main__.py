"""`make attacks`: every attack of this package, one after the other."""

import pkgutil
import subprocess
import sys

from tests import attacks

_NO_ATTACKS = {"__main__", "run"}
_MAX_SECONDS = 600


def main() -> int:
    """Run each in a process of its own; 1 where one of them found something."""
    names = sorted({module.name for module in pkgutil.iter_modules(attacks.__path__)} - _NO_ATTACKS)
    ended = [subprocess.run([sys.executable, "-m", f"tests.attacks.{name}"], timeout=_MAX_SECONDS) for name in names]
    return int(any(each.returncode for each in ended))


if __name__ == "__main__":
    sys.exit(main())
