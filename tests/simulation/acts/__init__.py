"""What people and machines do: one module for each kind of them. Every act is drawn by its weight."""
