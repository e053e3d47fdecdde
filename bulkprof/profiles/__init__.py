"""All that is particular to application inference profiles: the seam for a second kind of resource."""
