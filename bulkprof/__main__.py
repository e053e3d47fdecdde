"""`python -m bulkprof`: the same as the `bulkprof` command."""

from bulkprof.cli import main

if __name__ == "__main__":
    main()
