"""`python -m asof` is the command `asof`."""

from asof.cli.main import main

if __name__ == "__main__":
    main()
