"""Where the gate is enforced: inside MLflow's server, for every client and administrator."""
