from benchmarks.false_promotion.main import main

main()
