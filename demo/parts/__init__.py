"""The parts of the cluster demo: processes, a shop, and its books."""
