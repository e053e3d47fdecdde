"""What the profiles of each target are made from: the Regions' catalogues, asked for once each, and what they hold."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

import anyio

from bulkprof.errors import AccessDeniedError, InvalidRequestError, NotFoundError
from bulkprof.model import ObservedProfile, Target
from bulkprof.pages import Send, whole_list
from bulkprof.profiles.api import ListsModels
from bulkprof.profiles.catalogue import GEO, Catalogue, ModelSource, Resolve
from bulkprof.profiles.operations import Operation

LOADING_S = 2.0
"""Seconds that a target waits for another one of its Region to list the models: that one may be dead."""


class ModelSources:
    """The models of the Regions that targets were opened in."""

    def __init__(
        self,
        guess: Callable[[str, Target], str],
        tell: Callable[[str], None],
        known: dict[str, Catalogue] | None = None,
    ) -> None:
        """`guess` gives the ARN of a source where models can't be listed; `tell` is called with each warning.

        `known` are catalogues that are known by Region, and gets those that are loaded.
        """
        self._guess = guess
        self._tell = tell
        self._catalogues: dict[str, Catalogue] = {} if known is None else known
        self._loading: dict[str, anyio.Lock] = {}

    def catalogue(self, region: str) -> Catalogue | None:
        """The models of a Region that a target was opened in; None where they can't be listed."""
        return self._catalogues.get(region)

    async def resolver(self, target: Target, api: ListsModels, call: Send) -> Resolve:
        """Return what finds sources in `target`, once its Region's models are known."""
        catalogue = await self._load(target.region, api, call)

        def resolve(source: str) -> ModelSource:
            if catalogue is None and source.startswith(GEO):
                raise InvalidRequestError(
                    f"what {source!r} means in {target.region} can't be looked up; allow bedrock:ListFoundationModels "
                    "and bedrock:ListInferenceProfiles, or write the system profile's id",
                    code="UnknownModel",
                    where=str(target),
                )
            if catalogue is None:
                # Good enough to create; what a system profile routes to stays unknown, so drift of it isn't seen.
                return ModelSource(self._guess(source, target), frozenset())
            found = catalogue.resolve(source, target)
            if found.warning is not None:
                self._tell(f"{target.region}: {found.warning}")
            return found

        return resolve

    def source_of(self, target: Target, profile: ObservedProfile) -> str | None:
        """The `copyFrom` that a profile of `target` was made of; None where the models don't tell."""
        catalogue = self.catalogue(target.region)
        if catalogue is None or (source := catalogue.source_of(profile.model_arns)) is None:
            return None
        return catalogue.resolve(source, target).arn

    async def _load(self, region: str, api: ListsModels, call: Send) -> Catalogue | None:
        """The Region's models, asked for once; None where the caller may not list them."""
        if region in self._catalogues:
            return self._catalogues[region]
        loading = self._loading.setdefault(region, anyio.Lock())
        with anyio.move_on_after(LOADING_S) as waiting:
            await loading.acquire()
        try:
            if region not in self._catalogues:
                models = await call(Operation.MODELS, api.foundation_models)
                profiles = await whole_list(call, Operation.LIST, api.system_profiles_page, attrgetter("id"))
                self._catalogues[region] = Catalogue(models, profiles)
        except (AccessDeniedError, InvalidRequestError, NotFoundError) as error:
            # Another account may list them: only an answer is kept for the Region.
            self._tell(f"{region}: models can't be listed ({error.code}), so model ids are taken as they are")
        finally:
            if not waiting.cancelled_caught:
                loading.release()
        return self._catalogues.get(region)
