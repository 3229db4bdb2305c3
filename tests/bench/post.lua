-- wrk's request: the path and the body come from the environment.
wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Content-Type"] = "application/json"
-- What the Portkey gateway wants to know; others do not look at it.
wrk.headers["x-portkey-provider"] = "openai"
wrk.headers["x-portkey-custom-host"] = os.getenv("UPSTREAM")
wrk.headers["Authorization"] = "Bearer none"
