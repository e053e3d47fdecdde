"""What asks for telemetry: OpenTelemetry's standard settings that say where to send, an exporter or an endpoint."""

from __future__ import annotations

from collections.abc import Mapping


def wanted(environment: Mapping[str, str], signal: str) -> bool:
    """Whether a signal, `TRACES` or `METRICS`, is to be sent."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if exporter := environment.get(f"OTEL_{signal}_EXPORTER", "").strip():
        return exporter.lower() != "none"
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(environment.get(name, "").strip() for name in endpoints)
