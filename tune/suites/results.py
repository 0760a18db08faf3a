def write_results(console, selection, done, folder):
    print("results", {k: len(v) for k, v in done.items()})
