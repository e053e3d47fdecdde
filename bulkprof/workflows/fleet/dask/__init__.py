"""A fleet of dask's workers: shares travel as bytes, and are carried out by the code that one process runs, too."""
