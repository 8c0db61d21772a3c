"""The task for pydantic-evals: a question for each row, right if the answer equals the label. Runs in its environment.

python yes_or_no_pydantic_evals.py {openai,aiohttp} ROWS.jsonl REPORT.json URL [CONCURRENCY]
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected
from pydantic_evals.reporting import EvaluationReportAdapter

Ask = Callable[[str], Awaitable[str]]


def cases(rows: str) -> Dataset[str, str, Any]:
    """Return the rows of a JSONL file, each with id, question and label."""
    lines = Path(rows).read_text(encoding="utf-8").splitlines()
    found = [
        Case(name=row["id"], inputs=row["question"], expected_output=row["label"])
        for row in (json.loads(line) for line in lines)
    ]
    return Dataset(name="yes or no", cases=found, evaluators=[EqualsExpected()])


def write(report: Any, path: str) -> None:
    """Write the report as JSON, as its documentation shows."""
    Path(path).write_bytes(EvaluationReportAdapter.dump_json(report, indent=2))


async def by_openai(rows: str, path: str, url: str, concurrency: str | None = None) -> None:
    """Ask by the openai SDK; without a concurrency everything is left as it is, so all cases are begun at once."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:

        async def ask(question: str) -> str:
            answer = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": question}], max_tokens=16
            )
            return answer.choices[0].message.content or ""

        limited: dict[str, Any] = {"max_concurrency": int(concurrency), "progress": False} if concurrency else {}
        write(await cases(rows).evaluate(ask, **limited), path)


async def by_aiohttp(rows: str, path: str, url: str, concurrency: str) -> None:
    """Ask by aiohttp, the cheapest client, so many at once and without the progress bar."""
    import aiohttp

    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def ask(question: str) -> str:
            message = {"role": "user", "content": question}
            data = json.dumps({"model": "m", "messages": [message], "max_tokens": 16}).encode()
            async with session.post(f"{url}/v1/chat/completions", data=data) as response:
                text: str = json.loads(await response.read())["choices"][0]["message"]["content"]
                return text

        write(await cases(rows).evaluate(ask, max_concurrency=int(concurrency), progress=False), path)


if __name__ == "__main__":
    ways: dict[str, Callable[..., Any]] = {"openai": by_openai, "aiohttp": by_aiohttp}
    asyncio.run(ways[sys.argv[1]](*sys.argv[2:]))
