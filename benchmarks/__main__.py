from benchmarks import cuts, detectors

detectors.main()
cuts.main()
