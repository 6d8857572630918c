# One word a task. A JDK 25 is found by scripts/java-home, which says what to install if there is none.
SHELL := /bin/bash
MVN = JAVA_HOME="$$(scripts/java-home)" ./mvnw -B -ntp

.PHONY: help demo build test check fmt sim sim-storage mutants-storage spec kill flips fuzz corpus mutants bench
.DEFAULT_GOAL := help

help:           ## what there is to make
	@sed -n 's/^\([a-z-]*\): *## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

demo:           ## the whole system as a story of fifteen lines, in a minute or two
	@scripts/build
	@./coppice demo $(DEMO)

build:          ## compile the command and all below it, and lay out its class path
	@scripts/build

test:           ## all tests: unit, house rules, real processes
	$(MVN) verify

check:          ## format, compile, unit tests and house rules; no real processes
	$(MVN) verify -DskipProcessTests

fmt:            ## format the sources
	$(MVN) -q -DskipFormat com.diffplug.spotless:spotless-maven-plugin:apply

sim:            ## simulate the safekeepers; TRIES=1000000 sets how many seeds, SEED=42 tells one line by line; JOURNAL=file may be stopped
	$(MVN) -q -DskipFormat -pl safekeeper -am test-compile dependency:build-classpath \
	  -Dmdep.includeScope=test -Dmdep.outputFile=target/class-path
	"$$(scripts/java-home)/bin/java" -XX:+UseSerialGC -Xmx2g -Xmn1g -Dseed=$(SEED) $(if $(TRIES),-Dtries=$(TRIES)) \
	  $(if $(FIRST),-Dfirst=$(FIRST)) -Dfaults=$(FAULTS) -Dwithout=$(WITHOUT) -Djournal=$(JOURNAL) \
	  -cp "safekeeper/target/test-classes:safekeeper/target/classes:$$(cat safekeeper/target/class-path)" \
	  io.coppice.safekeeper.sim.Main

sim-storage:    ## simulate the page server's storage; OPS=1000000 sets how much, SEED=42 tells one history line by line
	$(MVN) -q -DskipFormat -pl pageserver -am test-compile dependency:build-classpath \
	  -Dmdep.includeScope=test -Dmdep.outputFile=target/class-path
	"$$(scripts/java-home)/bin/java" --enable-native-access=ALL-UNNAMED -Xmx2g -Dseed=$(SEED) \
	  $(if $(OPS),-Dops=$(OPS)) $(if $(FIRST),-Dfirst=$(FIRST)) \
	  -cp "pageserver/target/test-classes:pageserver/target/classes:$$(cat pageserver/target/class-path)" \
	  io.coppice.pageserver.sim.Main

mutants-storage: ## plants mistakes in the page server's storage, each of which sim-storage must find; MUTANT=35 one
	$(MVN) -q -DskipFormat -pl pageserver -am test -Dtest='StorageMutants' \
	  -Dsurefire.failIfNoSpecifiedTests=false -DargLine="$(if $(MUTANT),-Dmutant=$(MUTANT))"

spec:           ## model-checks the protocol in larger worlds, and every broken variant; half an hour or more
	$(MVN) -q -DskipFormat -pl integration-tests -am test -Dtest='SpecTest' \
	  -Dsurefire.failIfNoSpecifiedTests=false -DargLine="-Dspec.large=true $(if $(SEED),-Dseed=$(SEED))"

flips:          ## flips every bit of a WAL segment and of its checksums, one at a time; each must be found
	$(MVN) -q -DskipFormat -pl safekeeper -am test -Dtest='ExhaustiveFlips' \
	  -Dsurefire.failIfNoSpecifiedTests=false

kill:           ## kills, stops and cuts off every process under load; ROUNDS=500 of each test, SEED=42 for another order
	$(MVN) -q -DskipFormat -pl integration-tests -am test -Dtest='KillTest,FaultTest,MachineFaultTest' \
	  -Dsurefire.failIfNoSpecifiedTests=false \
	  -DargLine="-Drounds=$(or $(ROUNDS),500) $(if $(SEED),-Dseed=$(SEED))"

fuzz:           ## fuzzes what reads WAL, pages and files, with seeds of real WAL; FUZZ_SECONDS=600 for each target
	$(MVN) -q -DskipFormat -pl integration-tests -am test -Dtest='CorpusTest' \
	  -Dsurefire.failIfNoSpecifiedTests=false \
	  -DargLine="-Dcorpus.attacks=0 -Dcorpus.seeds=target/fuzz/seeds"
	$(MVN) -q -DskipFormat -pl integration-tests -am test-compile dependency:build-classpath \
	  -Dmdep.includeScope=test -Dmdep.outputFile=target/class-path
	scripts/fuzz $(FUZZ)

corpus:         ## the proof of redo with more WAL, settings and damage; whole systems of every major; an hour
	$(MVN) -q -DskipFormat -pl integration-tests -am test \
	  -Dtest='CorpusTest,PageEqualityTest,TablespaceTest,FreeSpaceTest' \
	  -Dsurefire.failIfNoSpecifiedTests=false -DargLine="-Dmajors=all \
	  -Dcorpus.nightly=true -Dcorpus.rounds=2 -Dcorpus.attacks=2000"

mutants:        ## plants defects in redo, and tells which its proof notices; MUTANTS=20 in each class, SEED=42 others
	$(MVN) -q -DskipFormat -pl integration-tests -am test -Dtest='CorpusTest' \
	  -Dsurefire.failIfNoSpecifiedTests=false -DargLine="$(if $(SEED),-Dseed=$(SEED)) \
	  -Dcorpus.majors=16,18 -Dcorpus.attacks=0 -Dcorpus.mutants=$(or $(MUTANTS),20)"

bench:          ## benchmarks beside their anchors, into bench/results.json; BENCH=ingest runs one
	$(MVN) -q -DskipTests -DskipFormat -pl bench -am package
	scripts/build
	"$$(scripts/java-home)/bin/java" --enable-native-access=ALL-UNNAMED -Xmx512m \
	  -cp "bench/target/classes:$$(cat bench/target/class-path)" io.coppice.bench.Main $(BENCH)
