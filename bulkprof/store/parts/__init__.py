"""Parts of a run's file: a class for each thing that it tells besides the actions and their outcomes."""
