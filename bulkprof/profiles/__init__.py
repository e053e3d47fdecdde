"""All that is particular to application inference profiles: the seam for a second kind of resource.

A second kind would bring, in a folder like this one:
- `operations`: AWS's names of the calls that create, delete, list and tag it, and which of them change something;
- `api`: the protocol of those calls, and in `aws/` the class that sends them;
- `tokens`: what its idempotency tokens follow from, so that a creation that is sent twice makes one resource;
- `catalogue`, `sources`: what it is made from, resolved in each target and told from an existing one;
- `quota`: how many of it there may be, and which error says that no more fit.
"""
