"""What `make bench` runs. Figures are ratios or shares measured in one run; `benchmarks/README.md` keeps them."""
