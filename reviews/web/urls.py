"""The pages' addresses, one view each."""

from django.urls import path

from reviews.web import (
    accounts,
    claim_news,
    completions,
    conflicts,
    going_back,
    health,
    preview,
    queues,
    refusals,
    review,
    sync,
)

urlpatterns = [
    path("", queues.queues, name="queues"),
    path("sign-in", accounts.sign_in, name="sign_in"),
    path("sign-out", accounts.sign_out, name="sign_out"),
    path("welcome/<str:secret>", accounts.welcome, name="welcome"),
    path("queues/<int:pk>/start", queues.queue_start, name="queue_start"),
    path("queues/<int:pk>/done", queues.queue_done, name="queue_done"),
    path("reviews/<int:pk>", review.review, name="review"),
    path("reviews/<int:pk>/claim", claim_news.claim, name="review_claim"),
    path("reviews/<int:pk>/preview", preview.review_preview, name="review_preview"),
    path("reviews/<int:pk>/submit", review.review_submit, name="review_submit"),
    path("reviews/<int:pk>/skip", review.review_skip, name="review_skip"),
    path("reviews/<int:pk>/flag", review.review_flag, name="review_flag"),
    path("completions/<int:pk>", completions.completion, name="completion"),
    path("completions/<int:pk>/conflict", conflicts.conflict, name="conflict"),
    path("completions/<int:pk>/back/<int:number>", going_back.going_back, name="going_back"),
    path("sync", sync.sync, name="sync"),
    path("sync/live", sync.sync_live, name="sync_live"),
    path("sync/pushes/retry", sync.pushes_retry, name="pushes_retry"),
    path("sync/pushes/<int:pk>/retry", sync.push_retry, name="push_retry"),
    path("sync/pushes/<int:pk>/give-up", sync.push_give_up, name="push_give_up"),
    path("sync/refusals", refusals.refused, name="refusals"),
    path("sync/refusals/retry", refusals.refusals_retry, name="refusals_retry"),
    path("sync/refusals/<int:pk>", refusals.refusal, name="refusal"),
    path("sync/refusals/<int:pk>/retry", refusals.refusal_retry, name="refusal_retry"),
    path("sync/upstreams/<int:pk>/pull", sync.pull_now, name="pull_now"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
