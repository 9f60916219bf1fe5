"""A peer on one problem of bench_decode: decode_peers.py FOLDER FOLDS himalaya|sklearn.

Contiguous outer folds; in each responses and features are z-scored by the training rows, 10 alphas (1e0 .. 1e6) chosen per dimension in 5 inner folds
(himalaya's KernelRidgeCV, numpy backend, the kernel made once a fold) or by leave-one-out (scikit-learn's RidgeCV), then the held-out rows are predicted.
Prints seconds of all folds, reading not included, and the mean r of predictions and features over folds and dimensions."""
import resource
import sys
import time

import numpy as np

ALPHAS = np.logspace(0, 6, 10)


def fit_himalaya(x, y, x_test):
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV
    set_backend("numpy")
    model = KernelRidgeCV(alphas=ALPHAS, cv=5, kernel="precomputed").fit(x @ x.T, y)
    return model.predict(x_test @ x.T)


def fit_sklearn(x, y, x_test):
    from sklearn.linear_model import RidgeCV
    return RidgeCV(alphas=ALPHAS, fit_intercept=False, alpha_per_target=True).fit(x, y).predict(x_test)


def main():
    folder, n_folds, peer = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    x = np.ascontiguousarray(np.load(folder + "/X.npy"))
    y = np.ascontiguousarray(np.load(folder + "/Y.npy"))
    fit = {"himalaya": fit_himalaya, "sklearn": fit_sklearn}[peer]
    fit(x[:50, :100], y[:50, :20], x[50:60, :100])
    start, cpu, scores = time.perf_counter(), time.process_time(), []
    for test in np.array_split(np.arange(len(x)), n_folds):
        train = np.setdiff1d(np.arange(len(x)), test)
        mean_x, scale_x, mean_y, scale_y = x[train].mean(0), x[train].std(0), y[train].mean(0), y[train].std(0)
        predicted = fit((x[train] - mean_x) / scale_x, (y[train] - mean_y) / scale_y, (x[test] - mean_x) / scale_x)
        a, b = predicted - predicted.mean(0), y[test] - y[test].mean(0)
        scores.append((a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0)))
    print("%s %.3f s (CPU %.3f s); mean r %.4f; peak memory %.0f MiB" % (
        peer, time.perf_counter() - start, time.process_time() - cpu, np.mean(scores),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


main()
