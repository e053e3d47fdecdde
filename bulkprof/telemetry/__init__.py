"""What a run tells of itself to those who watch it: spans and metrics, by OpenTelemetry where that is switched on.

The rest of bulkprof knows `seam` alone, whose classes take everything and do nothing. `switch` puts those of `otel`
in their place; it imports OpenTelemetry only where the environment asks for it.
"""
