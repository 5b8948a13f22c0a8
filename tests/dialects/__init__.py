"""What apps speak, parsed and formatted."""
