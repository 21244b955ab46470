"""Decision policies, one YAML file each, named by the day from which they are in force."""
