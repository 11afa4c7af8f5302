"""Workers run every test once, tell what became of it, and one that dies costs no other test."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = """
import sys, pytest
from tests.parallel import Parallel
sys.exit(pytest.main(sys.argv[1:], plugins=[Parallel(2)]))
"""
FILES = {
    "pytest.ini": "[pytest]",
    "conftest.py": """
        import pytest
        from pathlib import Path

        @pytest.fixture(scope="module")
        def shared(request):
            yield request.path
            request.path.with_suffix(".ended").write_text("")
        """,
    "test_dies.py": """
        import os
        def test_passes_first(): pass
        def test_dies(): os.kill(os.getpid(), 9)
        def test_goes_on(shared): pass
        """,
    "test_tells.py": """
        import pytest
        def test_fails(shared): print("what it printed"); assert "one" == "two"
        def test_has_its_own(capfd, tmp_path):
            print("more")
            assert capfd.readouterr().out == "more\\n"
            assert tmp_path.exists()
        @pytest.mark.xfail
        def test_is_known_to_fail(): assert False
        @pytest.mark.parametrize("number", range(20))
        def test_passes(shared, number): assert not shared.with_suffix(".ended").exists()
        """,
}


def test_every_test_is_run_once_and_told_of(tmp_path: Path):
    for name, lines in FILES.items():
        (tmp_path / name).write_text(textwrap.dedent(lines))
    asked = ["-c", tmp_path / "pytest.ini", "-p", "no:cacheprovider", "-rA", tmp_path]
    done = subprocess.run([sys.executable, "-c", RUN, *asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "2 failed, 23 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
    assert "the process that ran this test has died" in done.stdout
    assert "assert 'one' == 'two'" in done.stdout
    assert "what it printed" in done.stdout
    assert {file.stem for file in tmp_path.glob("*.ended")} == {"test_dies", "test_tells"}
