# One class of bench_neurons' files by scikit-learn and scipy:  neurons.py FOLDER [NEURONS=96 [CLASS=3]]
# Average precision, AUROC and Mann-Whitney p of every NEURONS-th neuron, one after the other; seconds are scaled to all.
import sys
import time

import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.metrics import average_precision_score, roc_auc_score

folder = sys.argv[1]
n = int(sys.argv[2]) if len(sys.argv) > 2 else 96
c = int(sys.argv[3]) if len(sys.argv) > 3 else 3
x = np.load(folder + "/x.npy", mmap_mode="r")
y = np.load(folder + "/y.npy") == c
which = np.arange(0, x.shape[1], max(1, x.shape[1] // n))
x = np.array(x[:, which], dtype=np.float64)
spent = {}
for name, score in (("ap", lambda v: average_precision_score(y, v)), ("auroc", lambda v: roc_auc_score(y, v)),
                    ("mwu", lambda v: mannwhitneyu(v[y], v[~y], alternative="two-sided").pvalue)):
    wall, cpu = time.perf_counter(), time.process_time()
    values = [score(x[:, j]) for j in range(len(which))]
    spent[name] = time.process_time() - cpu
    print(f"{name}: {time.perf_counter() - wall:.2f} s, {spent[name]:.2f} s of CPU for {len(which)} neurons, mean {np.mean(values):.6f}")
total = sum(spent.values()) * 3072 / len(which)
print(f"peer {total:.1f} s of CPU for one class of 3,072 neurons")
