"""SQL of a caller, run behind two walls: what the statement may say, and what the engine may reach."""
