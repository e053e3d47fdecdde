"""The calls that tell about money and use: cost allocation tags of the payer, metrics of each target."""
