"""An OpenAI-compatible endpoint, right and wrong: real HTTP to a real local server."""

from __future__ import annotations

import base64
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gatekeeper.errors import BudgetExceededError, ModelError
from gatekeeper.models.answers import label_distribution
from gatekeeper.models.errors import FAILURES, of_status, scrub
from gatekeeper.models.openai import OpenAIModel
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy, retry_after
from gatekeeper.models.stream import THREAD
from gatekeeper.records import Completion, Message, Request

KEY = "sk-test-0123456789abcdef"
QUICK = RetryPolicy(attempts=3, deadline_s=20.0, base_s=0.01, cap_s=0.02, refused_attempts=3)
Reply = tuple[int, dict[str, str], bytes]


def body(content: str | None = "yes", **changes: Any) -> bytes:
    """The body of a good answer, with changes."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    answer = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    return json.dumps(answer | changes).encode()


def good(content: str = "yes") -> Reply:
    return 200, {"Content-Type": "application/json"}, body(content)


def after(seconds: float) -> Callable[[str, int], Reply]:
    """A good answer that takes its time."""

    def reply(text: str, nth: int) -> Reply:
        time.sleep(seconds)
        return good()

    return reply


class Endpoint:
    """A local server; `reply` gets the user's text and how often it has been asked, and says what comes back."""

    def __init__(self) -> None:
        self.reply: Callable[[str, int], Reply | None] = lambda text, nth: good()
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closing = False
        self.busy = 0
        self.most_busy = 0
        lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if endpoint.closing:  # connections that were kept alive end too
                    self.close_connection = True
                    return
                text = sent["messages"][-1]["content"]
                with lock:
                    endpoint.busy += 1
                    endpoint.most_busy = max(endpoint.most_busy, endpoint.busy)
                    endpoint.seen.append(sent)
                    endpoint.keys.append(self.headers.get("Authorization", ""))
                    nth = sum(other["messages"][-1]["content"] == text for other in endpoint.seen)
                reply = endpoint.reply(text, nth)
                with lock:
                    endpoint.busy -= 1
                if reply is None:  # the connection breaks half way through the body
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"choices": [')
                    self.close_connection = True
                    return
                status, headers, content = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.closing = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


CLIENTS = ("aiohttp", "sdk")


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """What speaks HTTP; both must do the same."""
    return str(request.param)


def model_at(url: str, **options: Any) -> OpenAIModel:
    defaults: dict[str, Any] = {"base_url": url, "api_key": KEY, "concurrency": 4, "policy": QUICK, "seed": 1}
    return OpenAIModel("small", **(defaults | options))


def ask(text: str, **fields: Any) -> Request:
    return Request(item_id=f"id-{text}", text=text, messages=(Message(role="user", content=text),), **fields)


def one(model: OpenAIModel, text: str = "q") -> Completion:
    (completion,) = model.complete([ask(text)])
    return completion


def test_a_good_answer_carries_output_usage_raw_and_identity(endpoint: Endpoint, client: str) -> None:
    model = model_at(endpoint.url, client=client, params={"temperature": 0.0, "max_tokens": 5, "top_k": 3})
    request = ask("q", params={"max_tokens": 7})
    (completion,) = model.complete([request])
    assert completion.ok and completion.output == "yes" and completion.finish_reason == "stop"
    assert completion.request_key == request.key(model.info.fingerprint)
    assert (completion.item_id, completion.model) == ("id-q", model.info.fingerprint)
    usage = completion.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.reported) == (11, 3, 4, True)
    assert completion.raw == body().decode() and completion.attempts == 1
    assert completion.latency_s is not None and completion.latency_s > 0
    sent = endpoint.seen[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"], sent["top_k"]) == ("small", 0.0, 7, 3)
    assert endpoint.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_a_passing_failure_is_tried_again(endpoint: Endpoint, status: int, client: str) -> None:
    endpoint.reply = lambda text, nth: (status, {}, b"busy") if nth < 3 else good()
    completion = one(model_at(endpoint.url, client=client))
    assert completion.ok and completion.attempts == 3


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((500, {}, b"boom"), "server"),
        ((502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"), "server"),
        ((503, {}, b""), "overloaded"),
        ((429, {}, b"{}"), "rate_limit"),
        ((200, {"Content-Type": "text/html"}, b"<html>welcome</html>"), "not_json"),
        ((200, {"Content-Type": "application/json"}, b""), "empty_body"),
        ((200, {"Content-Type": "application/json"}, b'{"choices": "\xff\xfe"}'), "not_utf8"),
        ((200, {"Content-Type": "application/json"}, b'{"choices": []}'), "no_choices"),
        ((200, {"Content-Type": "application/json"}, b"[1, 2]"), "no_choices"),
        (None, "stream_cut"),
    ],
)
def test_a_lasting_failure_ends_as_a_completion_with_its_class(
    endpoint: Endpoint, reply: Reply | None, kind: str, client: str
) -> None:
    endpoint.reply = lambda text, nth: good() if text == "fine" else reply
    answers = {c.item_id: c for c in model_at(endpoint.url, client=client).complete([ask("fine"), ask("bad")])}
    assert answers["id-fine"].ok
    bad = answers["id-bad"]
    assert not bad.ok and bad.error_class == kind and bad.attempts == QUICK.attempts and bad.output is None
    assert bad.error_message and bad.usage.input_tokens == 0
    assert FAILURES[kind].retryable and FAILURES[kind].hint


def test_one_bad_request_never_ends_the_run_and_is_not_tried_again(endpoint: Endpoint) -> None:
    refused = json.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}}).encode()
    endpoint.reply = lambda text, nth: (400, {"Content-Type": "application/json"}, refused) if text == "5" else good()
    answers = list(model_at(endpoint.url).complete(ask(str(n)) for n in range(20)))
    assert len(answers) == 20
    (bad,) = [c for c in answers if not c.ok]
    assert (bad.item_id, bad.error_class, bad.attempts) == ("id-5", "bad_request", 1)
    assert "too long" in (bad.error_message or "")


@pytest.mark.parametrize(
    ("changes", "kind", "output"),
    [
        ({"content": None, "refusal": "I cannot"}, "refusal", None),
        ({"content": "half"}, None, "half"),
        ({"content": ""}, "truncated", None),
    ],
)
def test_refusal_and_truncation(changes: dict[str, Any], kind: str | None, output: str | None) -> None:
    choice = {"message": changes, "finish_reason": "length"}
    answer = Reader().read(body(choices=[choice]))
    assert (answer.error_class, answer.output, answer.finish_reason) == (kind, output, "length")
    assert answer.usage is not None and answer.usage.output_tokens == 3


def test_a_filtered_answer_was_paid_for_and_is_not_tried_again(endpoint: Endpoint) -> None:
    filtered = [{"message": {"content": "x"}, "finish_reason": "content_filter"}]
    endpoint.reply = lambda text, nth: (200, {}, body(choices=filtered))
    completion = one(model_at(endpoint.url))
    assert (completion.error_class, completion.output, completion.attempts) == ("content_filter", None, 1)
    assert completion.usage.input_tokens == 11
    assert of_status(400, {"error": {"code": "content_filter"}}).kind == "content_filter"


def test_missing_usage_is_counted_here_and_marked(endpoint: Endpoint) -> None:
    endpoint.reply = lambda text, nth: (200, {}, body(usage=None))
    usage = one(model_at(endpoint.url), "12345678").usage
    assert usage.reported is False
    assert (usage.input_tokens, usage.output_tokens) == (2 + 4, 1)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "", "auth"),
        (402, "", "quota"),
        (403, "", "auth"),
        (404, "", "model_not_found"),
        (410, "", "model_not_found"),
        (400, "model_not_found", "model_not_found"),
        (429, "insufficient_quota", "quota"),
    ],
)
def test_what_would_fail_for_all_stops_the_run_with_the_fix(
    endpoint: Endpoint, status: int, code: str, kind: str, client: str
) -> None:
    text = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": code}}).encode()
    endpoint.reply = lambda t, nth: (status, {"Content-Type": "application/json"}, text)
    pulled: list[int] = []

    def source() -> Iterator[Request]:
        for n in range(500):
            pulled.append(n)
            yield ask(str(n))

    seen: list[Completion] = []
    with pytest.raises(ModelError) as caught:
        for completion in model_at(endpoint.url, client=client).complete(source()):
            seen.append(completion)
    assert caught.value.kind == kind and caught.value.hint == FAILURES[kind].hint
    assert endpoint.url in str(caught.value) and "small" in str(caught.value)
    assert len(pulled) <= 8, "the rest is not sent"
    everything = str(caught.value) + "".join(c.model_dump_json() for c in seen)
    assert KEY not in everything and "Incorrect API key" in everything


def test_a_401_in_mid_run_keeps_the_answers_that_came_before(endpoint: Endpoint) -> None:
    endpoint.reply = lambda text, nth: (401, {}, b"") if text == "10" else good()
    seen: list[Completion] = []
    with pytest.raises(ModelError):
        for completion in model_at(endpoint.url, concurrency=2).complete(ask(str(n)) for n in range(100)):
            seen.append(completion)
    assert {f"id-{n}" for n in range(10)} <= {c.item_id for c in seen if c.ok}
    assert sum(c.attempts for c in seen) == len(endpoint.seen)
    assert {c.error_class for c in seen if not c.attempts} <= {"not_sent"}


def test_an_endpoint_that_is_down_raises_and_names_it(client: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://user:secret-pass@127.0.0.1:{port}/v1"
    with pytest.raises(ModelError) as caught:
        list(model_at(url, client=client).complete(ask(str(n)) for n in range(50)))
    assert caught.value.kind == "connection" and f"http://127.0.0.1:{port}/v1" in str(caught.value)
    assert "base_url" in (caught.value.hint or "") and "secret-pass" not in str(caught.value)


def test_an_endpoint_that_goes_away_in_mid_run_fails_single_requests() -> None:
    server = Endpoint()
    model = model_at(server.url, concurrency=1)

    def source() -> Iterator[Request]:
        yield ask("before")
        yield ask("between")
        server.close()
        for n in range(3):
            yield ask(str(n))

    # one place only: the first answers are complete before the server is closed
    answers = list(model.complete(source()))
    assert [c.ok for c in answers] == [True, True, False, False, False]
    assert {c.error_class for c in answers[2:]} == {"connection"}


def test_a_timeout_is_its_own_class(endpoint: Endpoint, client: str) -> None:
    endpoint.reply = after(0.5)
    patience = RetryPolicy(attempts=2, base_s=0.01)
    completion = one(model_at(endpoint.url, client=client, timeout_s=0.05, policy=patience))
    assert (completion.error_class, completion.attempts) == ("timeout", 2)


WEB_PAGE = (200, {"Content-Type": "text/html"}, b"<!doctype html><html>welcome</html>")


def test_a_web_page_ends_the_run_when_the_endpoint_has_never_said_anything_else(
    endpoint: Endpoint, client: str
) -> None:
    endpoint.reply = lambda text, nth: WEB_PAGE
    with pytest.raises(ModelError) as caught:
        list(model_at(endpoint.url, client=client).complete(ask(str(n)) for n in range(50)))
    assert caught.value.kind == "not_json" and "base_url" in (caught.value.hint or "")
    assert "<!doctype html>" in str(caught.value) and len(endpoint.seen) <= 10


def test_a_web_page_after_good_answers_fails_single_requests(endpoint: Endpoint) -> None:
    endpoint.reply = lambda text, nth: good() if text == "0" else WEB_PAGE
    answers = list(model_at(endpoint.url, concurrency=1).complete(ask(str(n)) for n in range(4)))
    assert [c.error_class for c in answers] == [None, "not_json", "not_json", "not_json"]


def test_a_redirect_is_not_followed_and_names_the_address(endpoint: Endpoint) -> None:
    endpoint.reply = lambda text, nth: (301, {"Location": "https://elsewhere/v1/chat/completions"}, b"")
    with pytest.raises(ModelError) as caught:
        one(model_at(endpoint.url))
    assert caught.value.kind == "moved" and "https://elsewhere/v1/chat/completions" in str(caught.value)


def test_a_wait_beyond_the_deadline_ends_the_run(endpoint: Endpoint, client: str) -> None:
    endpoint.reply = lambda text, nth: good() if text == "0" else (429, {"Retry-After": "3600"}, b"{}")
    seen: list[Completion] = []
    with pytest.raises(ModelError) as caught:
        for completion in model_at(endpoint.url, client=client, concurrency=1).complete(ask(str(n)) for n in range(9)):
            seen.append(completion)
    assert (caught.value.kind, caught.value.retryable) == ("rate_limit", True) and "3,600 s" in str(caught.value)
    assert [c.ok for c in seen] == [True, False] and len(endpoint.seen) == 2


def test_the_endpoint_of_the_environment_is_used_and_fingerprinted(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = OpenAIModel("small").info.fingerprint
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    model = OpenAIModel("small", api_key=KEY)
    assert one(model).ok and model.info.fingerprint != plain


def test_a_proxy_of_the_environment_is_used(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", endpoint.url.removesuffix("/v1"))
    assert one(model_at("http://model.invalid/v1", client=client)).ok
    monkeypatch.setenv("no_proxy", "model.invalid")
    assert one(model_at("http://model.invalid/v1", client=client)).error_class == "connection"


def test_credentials_in_the_address_are_sent_and_not_shown(endpoint: Endpoint, client: str) -> None:
    endpoint.reply = lambda text, nth: (500, {}, b"no s%40cret-pass nor s@cret-pass")
    url = endpoint.url.replace("http://", "http://me:s%40cret-pass@")
    completion = one(model_at(url, client=client))
    assert endpoint.keys[0] == "Basic " + base64.b64encode(b"me:s@cret-pass").decode()
    assert "cret-pass" not in completion.model_dump_json() + model_at(url).endpoint


def test_half_a_surrogate_pair_is_sent(endpoint: Endpoint) -> None:
    assert one(model_at(endpoint.url), "bad \ud83d half").ok
    assert endpoint.seen[0]["messages"][0]["content"] == "bad \ud83d half"


def test_retry_after_is_obeyed_by_all_requests(endpoint: Endpoint) -> None:
    times: list[float] = []

    def limited(text: str, nth: int) -> Reply:
        times.append(time.monotonic())
        return (429, {"Retry-After": "0.3"}, b"{}") if len(times) == 1 else good()

    endpoint.reply = limited
    answers = list(model_at(endpoint.url, concurrency=1).complete([ask("a"), ask("b")]))
    assert all(c.ok for c in answers) and times[1] - times[0] >= 0.3


def test_requests_are_pulled_lazily_and_never_more_than_the_limit_is_in_flight(endpoint: Endpoint) -> None:
    pulled = 0

    def source() -> Iterator[Request]:
        nonlocal pulled
        for n in range(40):
            pulled += 1
            yield ask(str(n))

    endpoint.reply = after(0.005)
    answers = model_at(endpoint.url, concurrency=3).complete(source())
    assert pulled == 0
    next(answers)
    assert pulled == 3
    rest = list(answers)
    assert len(rest) == 39 and pulled == 40 and 1 < endpoint.most_busy <= 3


def test_a_source_that_raises_loses_no_answer_in_flight(endpoint: Endpoint) -> None:
    def source() -> Iterator[Request]:
        yield ask("a")
        yield ask("b")
        raise BudgetExceededError("no money left")

    seen: list[Completion] = []
    with pytest.raises(BudgetExceededError):
        for completion in model_at(endpoint.url).complete(source()):
            seen.append(completion)
    assert {c.item_id for c in seen} == {"id-a", "id-b"}


def test_a_caller_who_stops_early_leaves_no_thread(endpoint: Endpoint) -> None:
    endpoint.reply = after(0.05)
    answers = model_at(endpoint.url).complete(ask(str(n)) for n in range(100))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert THREAD not in {thread.name for thread in threading.enumerate()}


def test_answers_arrive_in_the_order_of_their_arrival(endpoint: Endpoint) -> None:
    release = threading.Event()

    def reply(text: str, nth: int) -> Reply:
        if text == "slow":
            release.wait(10)
        return good()

    endpoint.reply = reply
    answers = model_at(endpoint.url).complete([ask("slow"), ask("quick")])
    assert next(answers).item_id == "id-quick"
    release.set()
    assert next(answers).item_id == "id-slow"


def test_the_bound_covers_the_usage_and_the_fingerprint_covers_the_parameters() -> None:
    model = model_at("http://a/v1", params={"max_tokens": 9})
    request = ask("äöü 漢字 🙂 plain words")
    bound = model.upper_bound(request)
    assert bound.input_tokens > len(request.text.encode()) and bound.output_tokens == 9
    assert model.upper_bound(ask("a", params={"max_tokens": 30})).output_tokens == 30
    other = [
        model_at("http://b/v1", params={"max_tokens": 9}),
        model_at("http://a/v1", params={"max_tokens": 10}),
    ]
    assert model.info.fingerprint not in {m.info.fingerprint for m in other}
    same = model_at("http://me:pw@a/v1/", params={"max_tokens": 9}, api_key="another", concurrency=1)
    assert same.info.fingerprint == model.info.fingerprint
    assert same.info.place == "api"


def test_logprobs_give_a_distribution_only_where_the_first_token_tells(endpoint: Endpoint) -> None:
    top = [{"token": " yes", "logprob": -0.2}, {"token": "No", "logprob": -1.8}, {"token": "!", "logprob": -5.0}]
    choice = {
        "message": {"content": "yes"},
        "finish_reason": "stop",
        "logprobs": {"content": [{"token": " yes", "logprob": -0.2, "top_logprobs": top}]},
    }
    endpoint.reply = lambda text, nth: (200, {}, body(choices=[choice]))
    distribution = one(model_at(endpoint.url, labels=("yes", "no"))).distribution
    assert distribution is not None and sum(distribution.values()) == pytest.approx(1)
    assert distribution["yes"] == pytest.approx(0.8320, abs=1e-3)
    assert one(model_at(endpoint.url)).distribution is None
    assert label_distribution(top, ("yes", "yesterday", "no")) is None
    assert label_distribution([{"token": "maybe", "logprob": -0.1}], ("yes", "no")) is None


def test_the_wait_is_full_jitter_within_attempts_and_deadline() -> None:
    policy = RetryPolicy(attempts=4, deadline_s=10.0, base_s=1.0, cap_s=3.0)
    dice = random.Random(0)
    for attempt, most in ((1, 1.0), (2, 2.0), (3, 3.0)):
        waits = [policy.wait(attempt, 0.0, None, dice) for _ in range(200)]
        assert all(wait is not None and 0 <= wait <= most for wait in waits)
        assert max(w for w in waits if w is not None) > 0.9 * most
    assert policy.wait(4, 0.0, None, dice) is None
    assert policy.wait(1, 9.99, 5.0, dice) is None
    after = policy.wait(1, 0.0, 5.0, dice)
    assert after is not None and 5.0 <= after <= 6.0


def test_retry_after_is_a_number_or_a_date() -> None:
    now = datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after-ms": "300", "retry-after": "9"}) == 0.3
    assert retry_after({"retry-after": "Thu, 01 Jan 2026 00:00:07 GMT"}, now) == 7.0
    assert retry_after({"retry-after": "-4"}) == 0.0
    assert retry_after({"retry-after": "soon"}) is None and retry_after({}) is None


def test_keys_are_scrubbed_from_any_text() -> None:
    assert scrub(f"got {KEY} and Bearer abcdefgh and sk-other-key-123", KEY) == "got *** and Bearer *** and sk-***"
    assert scrub("a risk-averse sketch", "") == "a risk-averse sketch"
