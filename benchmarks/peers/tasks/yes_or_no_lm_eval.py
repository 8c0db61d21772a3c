"""Run the task for lm-eval from Python, without the index of its 14,000 task files. Runs in its environment.

python yes_or_no_lm_eval.py URL CONCURRENCY
"""

import sys

from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager


def main(url: str, concurrency: str) -> None:
    """Evaluate, and write results and samples as the command line does."""
    tracker = EvaluationTracker(output_path="out")
    results = simple_evaluate(
        model="local-chat-completions",
        model_args={"model": "m", "base_url": f"{url}/v1/chat/completions", "num_concurrent": int(concurrency)},
        tasks=["yes_or_no"],
        task_manager=TaskManager(include_path=".", include_defaults=False),
        apply_chat_template=True,
        log_samples=True,
        evaluation_tracker=tracker,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task in results["configs"]:
        tracker.save_results_samples(task_name=task, samples=samples[task])


if __name__ == "__main__":
    main(*sys.argv[1:])
