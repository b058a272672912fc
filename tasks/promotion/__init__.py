"""A candidate reaches the registry: logged, registered and submitted by the pipeline's owner."""
