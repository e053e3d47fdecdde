"""State machines of AWS Step Functions as moto interprets them, with functions of this process in place of Lambda's.

Of the States Language, moto doesn't know `ItemsPointer`, which is done here; and it takes failures of a Distributed Map
to be tolerated however many they are.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from moto.stepfunctions.parser.backend.execution import SyncExecution

Function = Callable[[dict[str, Any]], Any]
"""Takes the event, and returns the answer. What it raises is the function's error."""
ACCOUNT, REGION = "111122223333", "us-east-1"


class LambdaError(Exception):
    """An error of Lambda itself, by its name."""


@dataclass
class Machine:
    """A state machine, with what it calls."""

    definition: str
    functions: Mapping[str, Function]
    s3: Any
    running: int = 1
    """How many of its executions there are, this one among them."""
    waited: list[float] = field(default_factory=list)
    """The seconds between attempts, none of which passed."""
    invoked: list[tuple[str, str]] = field(default_factory=list)
    """The functions that were invoked, each with how that ended."""

    def run(self, name: str, given: Mapping[str, Any]) -> SyncExecution:
        """Run an execution to its end."""
        # The interpreter, with all of EC2, takes seconds to import: each worker of the tests would do so to find them.
        from moto.stepfunctions.parser import models
        from moto.stepfunctions.parser.backend.execution import SyncExecution

        machine = json.loads(self.definition)
        (mapped,) = (state for state in machine["States"].values() if state["Type"] == "Map")
        pointer = mapped["ItemReader"]["ReaderConfig"].pop("ItemsPointer").removeprefix("/")
        # The interpreter takes no whole number here.
        mapped["ToleratedFailurePercentage"] = float(mapped["ToleratedFailurePercentage"])
        made = _made(json.dumps(machine))
        with self._calls(pointer):
            execution = SyncExecution(
                name=name,
                sm_type=made.sm_type,
                role_arn=made.roleArn,
                exec_arn=f"arn:aws:states:{REGION}:{ACCOUNT}:execution:fleet:{name}",
                account_id=ACCOUNT,
                region_name=REGION,
                state_machine=made,
                start_date=models.datetime.datetime.now(tz=models.datetime.timezone.utc),
                cloud_watch_logging_session=None,
                activity_store={},
                input_data=json.dumps(given),
            )
            execution.start()
        return execution

    @contextmanager
    def _calls(self, pointer: str) -> Iterator[None]:
        """Let the interpreter's calls come here, and its waits take no time."""
        from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
        from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3

        def client(service: str, **_: Any) -> Any:
            return {"s3": self.s3, "lambda": self, "stepfunctions": self}[service]

        def items(env: Any, *given: Any) -> None:
            get_object(env, *given)
            env.stack.append(json.dumps(json.loads(env.stack.pop())[pointer]))

        get_object = resource_eval_s3.ResourceEvalS3._handle_get_object
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resource_eval_s3.ResourceEvalS3, "_handle_get_object", staticmethod(items))
            for module in [each for name, each in sys.modules.items() if name.startswith("moto.stepfunctions.parser")]:
                if hasattr(module, "boto_client_for"):
                    patch.setattr(module, "boto_client_for", client)
            patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=self.waited.append))
            yield

    def list_executions(self, **_: Any) -> dict[str, Any]:
        return {"Executions": [{"name": str(number)} for number in range(self.running)]}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        name = FunctionName.rpartition(":")[2]
        try:
            answer = self.functions[name](json.loads(Payload))
        except LambdaError as error:
            failed = {"errorType": str(error), "errorMessage": "so says the test"}
        except Exception as error:  # noqa: BLE001 - as Lambda does
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
        else:
            self.invoked.append((name, ""))
            return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}
        self.invoked.append((name, failed["errorType"]))
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}


@cache
def _made(definition: str) -> Any:
    """The state machine of a definition, which the interpreter has found valid. That takes as long as an execution."""
    from moto.stepfunctions.parser import models

    backend = models.StepFunctionsParserBackend(REGION, ACCOUNT)
    return backend.create_state_machine("fleet", definition, f"arn:aws:iam::{ACCOUNT}:role/fleet")
