"""The catalog: profiles that exist, as the programs that call them want to be told."""
