#!/usr/bin/env python3
"""measures.py LOCALITY [SIDE] [IMAGES]: each measure of `locality analyze` on a sheet of SIDE x SIDE units
(64) and IMAGES images (1000), timed as a whole process, beside the same definition in NumPy and SciPy
in this one, on the same two threads. Values of both are printed, averaged over classes: a row whose
values differ is not a comparison. Where a null is drawn many times, NumPy draws it a few times and
its time is scaled. Measures of weights are left out. Writes a table in Markdown."""
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.pop("OPENBLAS_CORETYPE", None)
import numpy as np
from scipy import ndimage, stats
from scipy.spatial.distance import cdist

SIDE = int(sys.argv[2]) if len(sys.argv) > 2 else 64
IMAGES = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
CLASSES = 10
N = SIDE * SIDE
rng = np.random.default_rng(1)
AT = np.stack(np.divmod(np.arange(N), SIDE), 1).astype(float)


def make():
    """Activations with smooth maps of classes, noise, and no negative value."""
    labels = np.arange(IMAGES) % CLASSES
    maps = ndimage.gaussian_filter(rng.standard_normal((CLASSES, SIDE, SIDE)), (0, 3, 3), mode="wrap")
    maps = (maps / maps.std()).reshape(CLASSES, N)
    x = maps[labels] + 2 * rng.standard_normal((IMAGES, N))
    return np.maximum(x, 0).astype(np.float32), labels


X, LABELS = make()


def t_maps(x=None):
    x = X.astype(float) if x is None else x
    out = []
    for c in range(CLASSES):
        a, b = x[LABELS == c], x[LABELS != c]
        d = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
        out.append(np.divide(a.mean(0) - b.mean(0), d, out=np.zeros(N), where=d > 0))
    return np.array(out)


def q_maps():
    x = X.astype(float)
    out = []
    for c in range(CLASSES):
        p = stats.ttest_ind(x[LABELS == c], x[LABELS != c], equal_var=False, alternative="greater").pvalue
        order = np.argsort(p)
        q = np.minimum.accumulate((p[order] * N / np.arange(1, N + 1))[::-1])[::-1]
        back = np.empty(N)
        back[order] = np.minimum(q, 1)
        out.append(back)
    return np.array(out)


def queen():
    w = (cdist(AT, AT, "chebyshev") == 1).astype(float)
    return w / w.sum(1, keepdims=True)


def moran():
    w, values = queen(), []
    for t in t_maps():
        z = t - t.mean()
        many = np.stack([z] + [rng.permutation(z) for _ in range(999)], 1)
        i = N / w.sum() * (many * (w @ many)).sum(0) / (z * z).sum()
        values.append(i[0])
    return np.mean(values)


def smoothness():
    d = cdist(AT, AT)[np.triu_indices(N, 1)]
    edges = np.linspace(0, d.max(), 9)
    bins = np.clip(np.digitize(d, edges) - 1, 0, 7)
    i, j = np.triu_indices(N, 1)
    values = []
    for t in t_maps():
        mean = np.bincount(bins, np.abs(t[i] - t[j]), 8) / np.bincount(bins, minlength=8)
        values.append((mean.max() - mean[0]) / mean.max())
    return np.mean(values)


def spectrum():
    r = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.fftfreq(SIDE, 1 / SIDE))))
    values = []
    for t in t_maps():
        power = np.abs(np.fft.fft2((t - t.mean()).reshape(SIDE, SIDE))) ** 2
        k = np.arange(1, SIDE // 2 + 1)
        radial = [power[r == j].mean() for j in k]
        values.append(np.polyfit(np.log(k), np.log(radial), 1)[0])
    return np.mean(values)


def patches():
    count = []
    for t in t_maps():
        labelled, n = ndimage.label(t.reshape(SIDE, SIDE) > 2)
        count.append((np.bincount(labelled.ravel())[1:] >= 3).sum())
    return np.mean(count)


def selective_units():
    return np.mean(((q_maps() < 0.05) & (t_maps() > 0)).any(0))


def nestedness():
    def nodf(m):
        def pairs(m):
            degree = m.sum(1)
            shared = m @ m.T
            less = np.minimum.outer(degree, degree)
            part = np.where((degree[:, None] != degree) & (less > 0), 100 * shared / np.maximum(less, 1), 0)
            return part[np.triu_indices(len(m), 1)]
        rows, columns = pairs(m), pairs(m.T)
        return (rows.sum() + columns.sum()) / (len(rows) + len(columns))
    m = (t_maps() > 2).astype(float)
    for _ in range(NESTED):
        nodf(np.stack([rng.permutation(row) for row in m]))
    return nodf(m)


NESTED = 3  # matrices of the null; the program draws 199, and so the time is scaled


def corr():
    return np.corrcoef(X.astype(float), rowvar=False)[np.triu_indices(N, 1)]


def correlation_distance():
    r, d = corr(), cdist(AT, AT)
    i, j = np.triu_indices(N, 1)
    edges = np.linspace(0, d.max(), 9)
    for k in range(1 + PLACED):
        place = np.arange(N) if k == 0 else rng.permutation(N)
        bins = np.clip(np.digitize(d[place[i], place[j]], edges) - 1, 0, 7)
        mean = np.bincount(bins, r, 8) / np.maximum(np.bincount(bins, minlength=8), 1)
        if k == 0:
            first = mean[0]
    return first


PLACED = 3  # re-placements of the null, of the program's 199


def alignment():
    return np.corrcoef(corr(), 1 / (1 + cdist(AT, AT)[np.triu_indices(N, 1)]))[0, 1]


def tgi():
    gap = np.abs(AT[:, None] - AT)
    gap = np.minimum(gap, SIDE - gap)
    d = np.sqrt((gap ** 2).sum(2))[np.triu_indices(N, 1)] / SIDE
    r = corr()
    values = []
    for most in np.linspace(0.1, 0.8, 8):
        near = (d > 0) & (d <= most)
        if len(np.unique(d[near])) > 1:
            values.append(-stats.spearmanr(r[near], d[near]).statistic)
    return np.mean(values)


def neighbour_correlation():
    x = X.astype(float).reshape(IMAGES, SIDE, SIDE)
    z = (x - x.mean(0)) / x.std(0)
    return np.concatenate([(z[:, 1:] * z[:, :-1]).mean(0).ravel(),
                           (z[:, :, 1:] * z[:, :, :-1]).mean(0).ravel()]).mean()


def participation_ratio():
    c = X.astype(float) - X.mean(0, dtype=float)
    e = np.linalg.eigvalsh(c @ c.T)
    return e.sum() ** 2 / (e ** 2).sum()


def variance():
    p = X.astype(float)
    p = p / p.sum(1, keepdims=True)
    m = p @ AT
    return (((p @ (AT ** 2).sum(1)) - (m ** 2).sum(1)) / (1 - (p ** 2).sum(1))).mean()


PEERS = {"moran": (moran, 1), "smoothness": (smoothness, 1), "spectrum": (spectrum, 1),
         "patches": (patches, 1), "selective_units": (selective_units, 1),
         "nestedness": (nestedness, 200 / (1 + NESTED)),
         "correlation_distance": (correlation_distance, 200 / (1 + PLACED)), "alignment": (alignment, 1),
         "tgi": (tgi, 1), "neighbour_correlation": (neighbour_correlation, 1),
         "participation_ratio": (participation_ratio, 1), "variance": (variance, 1)}


def ours(program, folder, name):
    begin = time.perf_counter()
    done = subprocess.run([program, "analyze", folder + "/x.npy", "--labels", folder + "/labels.npy",
                           "--sheet", "%dx%d" % (SIDE, SIDE), "--only", name, "--json", "--quiet"],
                          capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        return seconds, None, done.stderr.strip()
    return seconds, json.loads(done.stdout), ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        np.save(folder + "/x.npy", X)
        np.save(folder + "/labels.npy", LABELS)
        names = [line.split()[1] for line in
                 subprocess.run([sys.argv[1], "plugins"], capture_output=True, text=True,
                                check=True).stdout.splitlines() if line.startswith("measure ")]
        print("| measure | locality, s | value | NumPy/SciPy, s | value |\n|---|---|---|---|---|")
        for name in names:
            seconds, answer, error = ours(sys.argv[1], folder, name)
            if answer is None:
                if "needs weights" not in error:
                    sys.exit(error)
                continue
            values = [m["value"] for m in answer["measures"] if m["value"] is not None]
            row = "| %s | %.2f | %s |" % (name, seconds, "%.6g" % np.mean(values) if values else "none")
            if name in PEERS:
                peer, scale = PEERS[name]
                begin = time.perf_counter()
                result = peer()
                spent = (time.perf_counter() - begin) * scale
                row += " %.2f%s | %.6g |" % (spent, " (scaled)" if scale != 1 else "", result)
            else:
                row += " | |"
            print(row, flush=True)
