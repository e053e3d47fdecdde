"""From requests to desired profiles: fan-out, aliases, the plugins' rules and AWS's limits."""
