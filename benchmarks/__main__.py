from benchmarks.cuts import main

main()
