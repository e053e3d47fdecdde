"""What LiteLLM makes of a `model_list`: run by its own interpreter, which has nothing of bulkprof's.

It is given the list's file, and prints what was called for each name. Bedrock is a server in this process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1000, "outputTokens": 1000, "totalTokens": 2000},
    "metrics": {"latencyMs": 1},
}
CALLED: list[str] = []


class Bedrock(BaseHTTPRequestHandler):
    """Answers any call as Converse does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        CALLED.append(unquote(self.path))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


def main() -> None:
    """Call each name of the list once."""
    # Prices come with the package; keys are made up.
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}
    os.environ["AWS_SECRET_ACCESS_KEY"] = "example"
    import litellm
    import yaml

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bedrock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["AWS_BEDROCK_RUNTIME_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
    models = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))["model_list"]
    router = litellm.Router(model_list=models)
    told = []
    for name in dict.fromkeys(model["model_name"] for model in models):
        deployments = router.get_model_list(model_name=name)
        params = [deployment["litellm_params"] for deployment in deployments]
        if "aws_role_name" in params[0]:
            # It loads; a call would have to assume the role.
            continue
        info = litellm.get_model_info(params[0]["model"])
        answer = router.completion(model=name, messages=[{"role": "user", "content": "hello"}])
        told.append(
            {
                "name": name,
                "arns": [each["model_id"] for each in params],
                "called": CALLED.pop(),
                "price": info["input_cost_per_token"] + info["output_cost_per_token"],
                "window": info["max_input_tokens"],
                "cost": answer._hidden_params["response_cost"],
            }
        )
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
