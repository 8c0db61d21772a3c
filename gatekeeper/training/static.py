"""Fit the static student: token weights, vectors of frequent token pairs, a two-layer head, and the table if wanted."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.models.encoder import Encoder
from gatekeeper.models.extras import needs
from gatekeeper.models.static import StaticClassifier, find_pairs, load_tokenizer, pair_keys, tokenize
from gatekeeper.training.targets import Targets, target_matrix
from gatekeeper.training.token_table import token_table, tokenizer_json

LOG = logging.getLogger(__name__)
SMALL_SHARE = 0.01
"""Below this share of the gradient the distillation term has no effect worth its name."""
_SIF = 1e-3
"""Start weight of a token with frequency p: a / (a + p) (Arora 2017)."""
_MIN_PAIR = 2


@dataclass(frozen=True)
class StaticSettings:
    """How a static student is trained.

    `soft_weight` is the share of the soft term in the loss, `pairs` the most token pairs that get a vector, 0 for none.
    """

    dimensions: int = 256
    hidden: int = 512
    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 2e-3
    table_rate: float = 1e-3
    weight_decay: float = 1e-4
    dropout: float = 0.2
    temperature: float = 2.0
    soft_weight: float = 0.9
    train_table: bool = True
    pairs: int = 20_000


@dataclass(frozen=True)
class _Bags:
    """Texts as rows of two tables: their tokens, and their known pairs. `places` has n + 1 entries each."""

    tokens: NDArray[np.int64]
    token_places: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_places: NDArray[np.int64]


def fit_static(
    texts: Sequence[str],
    targets: Targets,
    label_names: Sequence[str],
    *,
    encoder: Encoder,
    soft: bool,
    seed: int = 0,
    cache_folder: Path | None = None,
    settings: StaticSettings | None = None,
) -> StaticClassifier:
    """Train on the CPU; the same seed on the same machine gives the same bytes.

    The loss is soft_weight * T^2 * KL(teacher_T || student_T) + (1 - soft_weight) * cross-entropy with the teacher's
    answer (Hinton 2015); with `soft` False it is the cross-entropy alone.

    Args:
        texts: n texts.
        targets: n labels or distributions, or a matrix of shape (n, len(label_names)).
        label_names: the labels.
        encoder: where the token table comes from.
        soft: learn from whole distributions.
        seed: order of the batches, first weights, dropout.
        cache_folder: where the token table is kept between calls.
        settings: see `StaticSettings`; None for its defaults.

    Raises:
        InputError: `targets` do not fit `texts` or `label_names`.
    """
    with needs("train"):
        import torch
    options = settings or StaticSettings()
    wanted = target_matrix(targets, label_names, soft=soft, n_texts=len(texts))
    table = token_table(encoder, options.dimensions, cache_folder=cache_folder)
    tokenizer = tokenizer_json(encoder)
    tokens, places = tokenize(load_tokenizer(tokenizer), texts)
    keys = _frequent_pairs(tokens, places, len(table), options.pairs)
    active, local = np.unique(tokens, return_inverse=True)
    pair_rows, pair_places = _pairs_of(tokens, places, keys, len(table))
    bags = _Bags(local.astype(np.int64), places, pair_rows, pair_places)
    counts = np.bincount(local, minlength=len(active))
    with torch.random.fork_rng(), _one_thread():
        torch.manual_seed(seed)
        start = np.log(_SIF / (_SIF + counts / max(1, counts.sum())))
        parameters = _first_parameters(table[active], start, len(keys), len(label_names), options)
        share = _train(parameters, bags, wanted, options, soft=soft, seed=seed)
    tensors = _collect(parameters, table, active, keys)
    detail = {
        **asdict(options),
        "labels": "soft" if soft else "hard",
        "examples": len(texts),
        "seed": seed,
        "encoder_digest": encoder.digest,
        "pairs_known": len(keys),
        "soft_gradient_share": None if share is None else round(share, 4),
    }
    return StaticClassifier(label_names, tokenizer, tensors, detail=detail)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: the steps are small, and sums come out the same whatever the number of cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _frequent_pairs(tokens: NDArray[np.int64], places: NDArray[np.int64], size: int, most: int) -> NDArray[np.int64]:
    keys, counts = np.unique(pair_keys(tokens, places, size), return_counts=True)
    kept = (keys >= 0) & (counts >= _MIN_PAIR)
    keys, counts = keys[kept], counts[kept]
    return np.sort(keys[np.argsort(-counts, kind="stable")[:most]])


def _pairs_of(
    tokens: NDArray[np.int64], places: NDArray[np.int64], keys: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if len(keys) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(len(places), dtype=np.int64)
    return find_pairs(tokens, places, keys, size)


def _first_parameters(
    vectors: NDArray[np.float32], log_weights: NDArray[np.float64], n_pairs: int, n_labels: int, options: StaticSettings
) -> dict[str, Any]:
    import torch

    width, hidden = vectors.shape[1], options.hidden
    parameters = {
        "table": torch.from_numpy(vectors.copy()),
        "log_weights": torch.from_numpy(log_weights.astype(np.float32)),
        "pair_table": torch.zeros(n_pairs, width),
        "w1": torch.randn(width, hidden) * (2 / width) ** 0.5,
        "b1": torch.zeros(hidden),
        "w2": torch.randn(hidden, n_labels) * (1 / hidden) ** 0.5,
        "b2": torch.zeros(n_labels),
    }
    for name, tensor in parameters.items():
        tensor.requires_grad_(name != "table" or options.train_table)
    return parameters


def _forward(parameters: dict[str, Any], bags: _Bags, rows: NDArray[np.int64], dropout: float) -> Any:
    from torch.nn.functional import dropout as drop
    from torch.nn.functional import embedding_bag, relu

    tokens, offsets = _gather(bags.tokens, bags.token_places, rows)
    weights = parameters["log_weights"][tokens].exp()
    summed = embedding_bag(tokens, parameters["table"], offsets, mode="sum", per_sample_weights=weights)
    if len(parameters["pair_table"]):
        pairs, pair_offsets = _gather(bags.pairs, bags.pair_places, rows)
        summed = summed + embedding_bag(pairs, parameters["pair_table"], pair_offsets, mode="sum")
    norms = summed.norm(dim=1, keepdim=True).clamp_min(1e-6)
    features = drop(summed / norms * summed.shape[1] ** 0.5, dropout)
    hidden = drop(relu(features @ parameters["w1"] + parameters["b1"]), dropout)
    return hidden @ parameters["w2"] + parameters["b2"]


def _gather(values: NDArray[np.int64], places: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the values of `rows` in one tensor, and where each row starts."""
    import torch

    lengths = places[rows + 1] - places[rows]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inside = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    picked = values[np.repeat(places[rows], lengths) + inside]
    return torch.from_numpy(picked), torch.from_numpy(starts.astype(np.int64))


def _train(
    parameters: dict[str, Any],
    bags: _Bags,
    wanted: NDArray[np.float64],
    options: StaticSettings,
    *,
    soft: bool,
    seed: int,
) -> float | None:
    """Fit `parameters` in place; return the soft term's share of the gradient, None where there is no such term."""
    import torch

    groups = [
        {"params": [parameters["table"]] if options.train_table else [], "lr": options.table_rate},
        {"params": [parameters["pair_table"]], "lr": options.table_rate},
        {"params": [parameters["log_weights"]], "lr": options.learning_rate * 5},
        {"params": [parameters[n] for n in ("w1", "b1", "w2", "b2")], "weight_decay": options.weight_decay},
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=options.learning_rate, weight_decay=0.0
    )
    steps = options.epochs * -(-len(wanted) // options.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
    target = torch.from_numpy(wanted.astype(np.float32))
    order = np.random.default_rng(seed)
    shares: list[float] = []
    for _ in range(options.epochs):
        shuffled = order.permutation(len(wanted))
        for first in range(0, len(shuffled), options.batch_size):
            rows = shuffled[first : first + options.batch_size]
            logits = _forward(parameters, bags, rows, options.dropout)
            loss, share = _loss(logits, target[torch.from_numpy(rows)], options, soft)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            shares.append(share)
    if not soft:
        return None
    mean = float(np.mean(shares))
    if mean < SMALL_SHARE:
        LOG.warning("the soft labels carry %.2f %% of the gradient: they have no effect", 100 * mean)
    return mean


def _loss(logits: Any, target: Any, options: StaticSettings, soft: bool) -> tuple[Any, float]:
    """Return the loss, and the soft term's share of the two gradients' norms with respect to the logits."""
    from torch.nn.functional import cross_entropy, kl_div

    if not soft:
        return cross_entropy(logits, target), 0.0
    temperature, weight = options.temperature, options.soft_weight
    softened = (target.clamp_min(1e-8).log() / temperature).softmax(dim=1)
    student = (logits / temperature).log_softmax(dim=1)
    soft_loss = temperature**2 * kl_div(student, softened, reduction="batchmean")
    answers = target.argmax(dim=1)
    hard_loss = cross_entropy(logits, answers)
    probabilities = logits.detach().softmax(dim=1)
    soft_norm = weight * temperature * float((student.detach().exp() - softened).norm())
    probabilities[range(len(answers)), answers] -= 1
    hard_norm = (1 - weight) * float(probabilities.norm())
    return weight * soft_loss + (1 - weight) * hard_loss, soft_norm / max(1e-12, soft_norm + hard_norm)


def _collect(
    parameters: dict[str, Any], table: NDArray[np.float32], active: NDArray[np.int64], keys: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return the tensors of a `StaticClassifier`: tokens that no text held keep their first vector and weight 1."""
    learned = {name: tensor.detach().numpy() for name, tensor in parameters.items()}
    whole = table.copy()
    whole[active] = learned["table"]
    weights = np.ones(len(table), dtype=np.float32)
    weights[active] = np.exp(learned["log_weights"])
    head = {name: learned[name] for name in ("w1", "b1", "w2", "b2")}
    return {"table": whole, "token_weights": weights, "pair_keys": keys, "pair_table": learned["pair_table"], **head}
