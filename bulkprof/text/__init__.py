"""Text as it is shown and compared: printable characters, and names by their looks."""
