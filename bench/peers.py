"""One peer on one benchmark problem: peers.py SIZE FOLDER himalaya|sklearn, or peers.py B|b FOLDER banded CANDIDATES.

Prints seconds of the fit alone (the delayed design is made before), the mean of the logarithm of the chosen alphas, and peak memory.
himalaya: 5 contiguous folds, one alpha per target, its own batch settings that were fastest; kernel form where there are more columns than samples.
scikit-learn has no alpha per target with folds: its leave-one-out form is timed.
banded: himalaya's random search over multiple kernels, which is what bench_bands does with as many candidates; dual weights."""
import resource
import sys
import time

import numpy as np
import threadpoolctl

SIZES = {"S": [0], "M": [1, 2, 3, 4], "T": [0], "B": [1, 2, 3, 4], "b": [1, 2, 3, 4]}
ALPHAS = np.logspace(0, 4, 10)


def delayed(features, delays):
    n, f = features.shape
    design = np.zeros((n, f * len(delays)), np.float32)
    for i, d in enumerate(delays):
        design[d:, i * f:(i + 1) * f] = features[:n - d]
    return design


def himalaya(x, y):
    from himalaya.backend import set_backend
    set_backend("numpy")
    params = dict(n_targets_batch=2000, n_alphas_batch=5, n_targets_batch_refit=2000)
    if x.shape[1] > x.shape[0]:
        from himalaya.kernel_ridge import KernelRidgeCV
        model = KernelRidgeCV(alphas=ALPHAS, cv=5, kernel="linear", solver_params=params).fit(x, y)
        model.get_primal_coef()
    else:
        from himalaya.ridge import RidgeCV
        model = RidgeCV(alphas=ALPHAS, cv=5, solver_params=params).fit(x, y)
    return model.best_alphas_


def sklearn(x, y):
    from sklearn.linear_model import RidgeCV
    return RidgeCV(alphas=ALPHAS, fit_intercept=False, alpha_per_target=True).fit(x, y).alpha_


def banded(size, folder, n_candidates):
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    set_backend("numpy")
    features = np.load(folder + "/X.npy")
    y = np.ascontiguousarray(np.load(folder + "/Y.npy"))
    start, cpu = time.perf_counter(), time.process_time()
    designs = [delayed(np.ascontiguousarray(part), SIZES[size]) for part in np.split(features, 3, axis=1)]
    kernels = np.stack([design @ design.T for design in designs])
    deltas, _, scores = solve_multiple_kernel_ridge_random_search(
        kernels, y, n_iter=n_candidates, alphas=ALPHAS, cv=5, n_targets_batch=2000, n_alphas_batch=5,
        n_targets_batch_refit=2000, return_weights="dual", progress_bar=False, random_state=0)[:3]
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print("himalaya %s, %d candidates: fit %.2f s, CPU %.2f s; mean inner score %.6f; peak memory %.0f MiB" % (
        size, n_candidates, seconds, cpu, np.asarray(scores).max(axis=0).mean(),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main():
    if sys.argv[3] == "banded":
        return banded(sys.argv[1], sys.argv[2], int(sys.argv[4]))
    size, folder, peer = sys.argv[1:]
    x = delayed(np.load(folder + "/X.npy"), SIZES[size])
    y = np.ascontiguousarray(np.load(folder + "/Y.npy"))
    start = time.perf_counter()
    alphas = {"himalaya": himalaya, "sklearn": sklearn}[peer](x, y)
    seconds = time.perf_counter() - start
    blas = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
    print("%s %s: fit %.2f s; mean log10 alpha %.4f; peak memory %.0f MiB; BLAS %s" % (
        peer, size, seconds, np.log10(alphas).mean(),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        ", ".join("%s %s on %d threads" % (p["internal_api"], p.get("architecture"), p["num_threads"]) for p in blas)))


main()
