# Everything a person does with BotSmith. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help run test split up down bench eval chaos format schema clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: ## Set up what is missing, build, and run BotSmith on this machine (ARGS=… goes to `botsmith all`)
	@deploy/dev/install.sh run
	@deploy/dev/dashboard.sh
	cargo build --release --locked --package botsmith
	@BOTSMITH_WEIGHTS="$$(deploy/dev/weights.sh)" exec target/release/botsmith all $(ARGS)

test: ## Set up what the tests need, and run all of them
	@deploy/dev/install.sh test
	@deploy/dev/test.sh

split: ## Every role a process of its own, on a local RabbitMQ and PostgreSQL (WORKERS=2)
	@deploy/dev/install.sh test
	@deploy/dev/dashboard.sh
	cargo build --release --locked --package botsmith
	@exec deploy/dev/split.sh

up: ## Every role a container, by docker compose (SCALE='--scale chat-worker=4')
	docker compose up --build $(SCALE)

down: ## Stop the containers of `make up`; their data stays
	docker compose down

bench: ## Measure, with the limit beside every figure
	@deploy/dev/install.sh test
	@deploy/dev/bench.sh

SETS ?= ../shared/rag
eval: ## Measure retrieval, answers and refusal on public question sets (SETS=folder)
	@deploy/dev/install.sh run
	@deploy/dev/dashboard.sh
	cargo build --release --locked --package eval --package botsmith
	@exec target/release/eval --sets $(SETS) --weights "$$(deploy/dev/weights.sh)" $(ARGS)

chaos: ## Kill processes, the broker and the database under load, and count what was lost
	@deploy/dev/install.sh test
	@deploy/dev/chaos.sh

format: ## Format the code
	cargo fmt --all

schema: ## After changing a query or a migration: check every query and renew .sqlx
	@deploy/dev/install.sh test
	@deploy/dev/schema.sh

clean: ## Remove what was built, and the private servers of tests
	@deploy/dev/postgres.sh stop target/dev/postgres
	@deploy/dev/postgres.sh stop target/dev/postgres-of-tests
	@deploy/dev/rabbitmq.sh stop target/dev/rabbitmq
	cargo clean
