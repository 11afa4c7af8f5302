"""Scripts that try what an attacker would on a running product. Each prints its figures.

    make attacks                           all of them
    python -m tests.attacks.slow_bodies    one

An attack is a module with `attack(stack)`, which gives its figures, and the lines

    if __name__ == "__main__":
        sys.exit(run.one(__name__, attack))

Each starts a product of its own on loopback with few threads, is bounded in count and time, and ends with exit code 1
where a figure is out of its bound.
"""
