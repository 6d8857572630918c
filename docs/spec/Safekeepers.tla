---------------------------- MODULE Safekeepers ----------------------------
(***************************************************************************)
(* How the safekeepers of one timeline and its proposers agree on the log, *)
(* and how a safekeeper that lost its disk comes back. README.md says      *)
(* which action is which method, and what is left out.                     *)
(*                                                                         *)
(* A log is a sequence; what an entry holds is the proposer that wrote it, *)
(* which is all there is to compare: a proposer writes a position once.    *)
(* Which term wrote what is known from histories only, as in the code.     *)
(* There are no messages as such. What a proposer has once said it may     *)
(* say again at any time (Mandates), and what an acceptor answers is noted *)
(* where the proposer will count it, whenever that is.                     *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, TLC

CONSTANTS
  Acceptors,      \* the safekeepers
  Proposers,      \* each lives once: a restarted one is another
  MaxTerm, MaxLength, MaxGeneration,
  MaxWipes,       \* how many disks are lost in all
  Begin,          \* "absent": no safekeeper has the timeline; "creating": neither, and one proposer
                  \* begins, and no other before it has noted so; "empty": all have it, and no WAL;
                  \* "apart": their logs have parted
  Broken          \* which rule is broken, to see that the invariants notice

VARIABLES
  acc,            \* acceptor -> what it knows; follows and what is not flushed die with the process
  pro,            \* proposer -> what it knows
  rebuild,        \* acceptor -> how far the rebuilding of its timeline is
  store,          \* what the page server keeps with the branch
  past,           \* mandates that were left for a new one at a higher generation
  there,        \* <<attempt, generation, acceptor>>: who was ever durably at a generation above 0
  wipes,
  committed       \* all that was ever reported as committed, each with the term that did

vars == <<acc, pro, rebuild, store, past, there, wipes, committed>>

QuorumSize == Cardinality(Acceptors) \div 2 + 1
AnswersNeeded ==
  IF Broken = "fences one peer" THEN 1 ELSE Cardinality(Acceptors) - QuorumSize + 1

Min(x, y) == IF x < y THEN x ELSE y
Max(x, y) == IF x > y THEN x ELSE y
MaxOf(set) == CHOOSE x \in set : \A y \in set : y <= x
Prefix(log, length) == SubSeq(log, 1, length)

----------------------------------------------------------------------------
(* Histories: sequences of <<term, start>> *)

RECURSIVE Shared(_, _, _)
Shared(own, other, n) ==
  IF n < Len(own) /\ n < Len(other) /\ own[n + 1] = other[n + 1]
    THEN Shared(own, other, n + 1) ELSE n

CommonPoint(own, follower, followerEnd) ==
  LET n == Shared(own, follower, 0)
      ownNext == IF n < Len(own) THEN own[n + 1][2] ELSE followerEnd
      followerNext == IF n < Len(follower) THEN follower[n + 1][2] ELSE followerEnd
  IN IF n = 0
       THEN IF own = <<>> THEN followerEnd ELSE own[1][2]
       ELSE Min(followerEnd, Min(ownNext, followerNext))

UpTo(history, end) == SelectSeq(history, LAMBDA entry : entry[2] <= end)

LastTerm(history, end) ==
  LET kept == UpTo(history, end) IN IF kept = <<>> THEN 0 ELSE kept[Len(kept)][1]

(* Whether the log of x is at least that of y; both have a history and a length. *)
AtLeast(x, y) ==
  LET xTerm == LastTerm(x.history, x.length)
      yTerm == LastTerm(y.history, y.length)
  IN IF Broken = "elects by length"
       THEN x.length >= y.length
       ELSE xTerm > yTerm \/ (xTerm = yTerm /\ x.length >= y.length)

Greatest(logs) == {x \in logs : \A y \in logs : AtLeast(x, y)}

----------------------------------------------------------------------------
Absent ==
  [attempt |-> 0, generation |-> 0, term |-> 0, history |-> <<>>, log |-> <<>>, flush |-> 0,
   commit |-> 0, follows |-> 0]

NoAcks == [a \in Acceptors |-> 0]

NotStarted ==
  [state |-> "idle", attempt |-> 0, create |-> FALSE, generation |-> 0, term |-> 0, start |-> 0,
   history |-> <<>>, log |-> <<>>, commit |-> 0, votes |-> {}, acks |-> NoAcks]

NoRebuild == [generation |-> 0, attempt |-> 0, answers |-> {}, donor |-> {}, copy |-> <<>>]

Empty == [Absent EXCEPT !.attempt = 1]

(* Terms 1 and 2 are over. The one wrote x and x on a, the other y on b, and
   on c, too, where it is committed if it is there. *)
Apart(a, b, c, isCommitted) ==
  LET old == [Empty EXCEPT !.term = 2, !.history = << <<1, 0>> >>, !.log = <<"x", "x">>,
                !.flush = 2]
      new == [Empty EXCEPT !.term = 2, !.history = << <<2, 0>> >>, !.log = <<"y">>, !.flush = 1]
      none == [Empty EXCEPT !.term = 2]
  IN [d \in Acceptors |->
       IF d = a THEN old ELSE IF d = b \/ (d = c /\ isCommitted) THEN new ELSE none]

Candidate(term) ==
  [NotStarted EXCEPT !.state = "campaigns", !.attempt = 1, !.term = term]

Init ==
  /\ \/ /\ Begin = "absent"
        /\ acc = [a \in Acceptors |-> Absent]
        /\ pro = [p \in Proposers |-> NotStarted]
        /\ store = [attempt |-> 0, opened |-> 0]
        /\ committed = <<>>
     \/ /\ Begin = "creating"
        /\ acc = [a \in Acceptors |-> Absent]
        /\ \E first \in Proposers :
             pro = [p \in Proposers |->
                     IF p = first THEN [Candidate(0) EXCEPT !.create = TRUE] ELSE NotStarted]
        /\ store = [attempt |-> 1, opened |-> 0]
        /\ committed = <<>>
     \/ /\ Begin = "empty"
        /\ acc = [a \in Acceptors |-> Empty]
        /\ pro = [p \in Proposers |-> Candidate(0)]
        /\ store = [attempt |-> 1, opened |-> 1]
        /\ committed = <<>>
     \/ /\ Begin = "apart"
        /\ \E a, b, c \in Acceptors, isCommitted \in BOOLEAN :
             /\ Cardinality({a, b, c}) = 3
             /\ acc = Apart(a, b, c, isCommitted)
             /\ committed = IF isCommitted THEN <<[by |-> "y", term |-> 2]>> ELSE <<>>
        /\ pro = [p \in Proposers |-> Candidate(2)]
        /\ store = [attempt |-> 1, opened |-> 1]
  /\ rebuild = [a \in Acceptors |-> NoRebuild]
  /\ past = {}
  /\ there = {}
  /\ wipes = 0

Has(a) == acc[a].attempt > 0

Mandate(p) ==
  [proposer |-> p, attempt |-> pro[p].attempt, generation |-> pro[p].generation,
   term |-> pro[p].term, history |-> pro[p].history, end |-> Len(pro[p].log),
   commit |-> pro[p].commit]

Leads(p) == pro[p].state = "leads"

(* What was said as an elected proposer, ever. *)
Mandates == past \cup {Mandate(p) : p \in {q \in Proposers : Leads(q)}}

(* Who may have said that it is at that generation: what was said stays said,
   whatever became of the disk. *)
At(attempt, generation) == {a \in Acceptors : <<attempt, generation, a>> \in there}

Reached(a) ==
  there' = IF acc'[a].generation = 0 THEN there
             ELSE there \cup {<<acc'[a].attempt, acc'[a].generation, a>>}

----------------------------------------------------------------------------
(* Proposers *)

OneName == Broken \in {"creates under one name", "opens one name once"}

(* Asks the page server whether WAL was ever started. If not, it may create
   the timeline on safekeepers, under a number that nobody had before. *)
Start(p) ==
  /\ pro[p].state = "idle"
  /\ Begin = "creating" => store.opened > 0
  /\ LET next == IF OneName THEN 1 ELSE store.attempt + 1
     IN IF store.opened > 0
          THEN /\ pro' = [pro EXCEPT ![p].state = "campaigns", ![p].attempt = store.opened]
               /\ UNCHANGED store
          ELSE /\ pro' = [pro EXCEPT ![p].state = "campaigns", ![p].attempt = next,
                                     ![p].create = TRUE]
               /\ store' = [store EXCEPT !.attempt = next]
  /\ UNCHANGED <<acc, rebuild, past, there, wipes, committed>>

(* A new term, perhaps at a higher generation. Only once a quorum has said that
   it is there: then whoever is rebuilt from now on finds one that knows of it,
   and what is promised in it is never taken for a promise of another life. *)
Campaign(p, term, generation) ==
  /\ \/ pro[p].state = "campaigns" /\ generation >= pro[p].generation
     \/ Leads(p) /\ generation > pro[p].generation
  /\ term > pro[p].term
  /\ \/ generation = pro[p].generation
     \/ Cardinality(At(pro[p].attempt, generation)) >=
          (IF Broken = "campaigns before a quorum is there" THEN 1 ELSE QuorumSize)
  /\ past' = IF Leads(p) THEN past \cup {Mandate(p)} ELSE past
  /\ pro' = [pro EXCEPT ![p].state = "campaigns", ![p].term = term,
       ![p].generation = generation, ![p].votes = {},
       ![p].acks = IF Broken = "keeps acknowledgements" THEN @ ELSE NoAcks]
  /\ UNCHANGED <<acc, rebuild, store, there, wipes, committed>>

(* Votes of a quorum. Who led before goes on with its own log if it can. *)
ElectedWith(p, donor) ==
  LET start == donor.length
      history == Append(UpTo(donor.history, start), <<pro[p].term, start>>)
      led == pro[p].commit > 0 \/ Len(pro[p].log) > pro[p].start
      goesOn == \/ Broken = "goes on with any log"
                \/ /\ start <= Len(pro[p].log)
                   /\ CommonPoint(pro[p].history, donor.history, start) = start
  IN IF led /\ ~goesOn
       THEN [pro[p] EXCEPT !.state = "stopped", !.votes = {}]
       ELSE [pro[p] EXCEPT !.state = "leads", !.votes = {}, !.start = start,
               !.history = history, !.log = IF led THEN @ ELSE donor.log]

Elect(p) ==
  /\ pro[p].state = "campaigns"
  /\ \E votes \in SUBSET pro[p].votes :
       /\ Cardinality(votes) = QuorumSize
       /\ \E donor \in Greatest(votes) : pro' = [pro EXCEPT ![p] = ElectedWith(p, donor)]
  /\ UNCHANGED <<acc, rebuild, store, past, there, wipes, committed>>

(* Who was elected by safekeepers that it may have created has the page
   server note that WAL is started now; only the newest such number may. *)
Open(p) ==
  /\ Leads(p)
  /\ pro[p].create
  /\ LET opens == \/ Broken = "creates under one name"
                  \/ store.opened = 0 /\ store.attempt = pro[p].attempt
     IN IF opens
          THEN /\ pro' = [pro EXCEPT ![p].create = FALSE]
               /\ store' = [store EXCEPT !.opened = pro[p].attempt]
          ELSE /\ pro' = [pro EXCEPT ![p].state = "stopped"]
               /\ UNCHANGED store
  /\ UNCHANGED <<acc, rebuild, past, there, wipes, committed>>

(* Postgres has written more. *)
Extend(p) ==
  /\ Leads(p)
  /\ ~pro[p].create
  /\ Len(pro[p].log) < MaxLength
  /\ pro' = [pro EXCEPT ![p].log = Append(@, p)]
  /\ UNCHANGED <<acc, rebuild, store, past, there, wipes, committed>>

AckedByQuorum(p) ==
  MaxOf({n \in 0..Len(pro[p].log) :
           Cardinality({a \in Acceptors : pro[p].acks[a] >= n}) >= QuorumSize})

Commit(p) ==
  LET reached == AckedByQuorum(p)
      news == [i \in 1..(reached - Len(committed)) |->
                 [by |-> pro[p].log[Len(committed) + i], term |-> pro[p].term]]
  IN /\ Leads(p)
     /\ reached > pro[p].commit
     /\ reached >= pro[p].start \/ Broken = "commits old terms by counting"
     /\ pro' = [pro EXCEPT ![p].commit = reached]
     /\ committed' = IF reached > Len(committed) THEN committed \o news ELSE committed
     /\ UNCHANGED <<acc, rebuild, store, past, there, wipes>>

----------------------------------------------------------------------------
(* Acceptors *)

(* What a acknowledges up to that length reaches the proposer that it follows. *)
Acknowledged(proposers, a, length) ==
  [p \in Proposers |->
    IF /\ proposers[p].state = "leads"
       /\ proposers[p].attempt = acc[a].attempt
       /\ proposers[p].term = acc[a].follows
      THEN [proposers[p] EXCEPT !.acks[a] = Max(@, length)]
      ELSE proposers[p]]

(* It is not there, and p may create it: in the term that p has, because that
   may be what an earlier life of it voted in. *)
Create(p, a) ==
  /\ pro[p].create
  /\ pro[p].state = "campaigns" \/ Leads(p)
  /\ acc[a].attempt < pro[p].attempt
  /\ acc' = [acc EXCEPT ![a] =
       [Absent EXCEPT !.attempt = pro[p].attempt, !.generation = pro[p].generation,
          !.term = IF Broken = "creates in no term" THEN 0 ELSE pro[p].term]]
  /\ rebuild' = [rebuild EXCEPT ![a] = NoRebuild]
  /\ Reached(a)
  /\ UNCHANGED <<pro, store, past, wipes, committed>>

(* Is greeted by a proposer that was told of a higher generation: flushes, and
   follows nobody until somebody is elected in it. *)
Raise(a, generation) ==
  /\ generation > acc[a].generation
  /\ At(acc[a].attempt, generation) /= {}
  /\ acc' = [acc EXCEPT ![a].generation = generation, ![a].flush = Len(acc[a].log),
                        ![a].follows = 0]
  /\ Reached(a)
  /\ UNCHANGED <<pro, rebuild, store, past, wipes, committed>>

(* Flushes, and promises to follow nobody of an older term. A creator asks those
   anew that it has created in its own term. *)
Vote(p, a) ==
  LET voted == [acc[a] EXCEPT !.generation = pro[p].generation, !.term = pro[p].term,
                  !.flush = Len(acc[a].log), !.follows = 0]
      vote == [from |-> a, history |-> acc[a].history, log |-> acc[a].log,
               length |-> Len(acc[a].log)]
  IN /\ pro[p].state = "campaigns"
     /\ acc[a].attempt = pro[p].attempt
     /\ acc[a].generation <= pro[p].generation
     /\ \/ pro[p].term > acc[a].term
        \/ /\ Broken = "votes twice"
           /\ pro[p].term = acc[a].term
           /\ \A v \in pro[p].votes : v.from /= a
     /\ acc' = [acc EXCEPT ![a] = voted]
     /\ pro' = [pro EXCEPT ![p].votes = {v \in @ : v.from /= a} \cup {vote}]
     /\ Reached(a)
     /\ UNCHANGED <<rebuild, store, past, wipes, committed>>

(* Cuts its log where it parts from the elected proposer's. *)
FollowAs(m, a) ==
  LET common == CommonPoint(m.history, acc[a].history, Len(acc[a].log))
      end == IF Broken = "does not cut" THEN Len(acc[a].log) ELSE common
  IN /\ acc[a].attempt = m.attempt
     /\ acc[a].generation <= m.generation
     /\ acc[a].term <= m.term
     /\ acc[a].follows /= m.term
     /\ acc' = [acc EXCEPT ![a] =
          [@ EXCEPT !.generation = m.generation, !.term = m.term, !.history = m.history,
             !.log = Prefix(@, end), !.flush = end, !.follows = m.term]]
     /\ pro' = IF Leads(m.proposer) /\ m.term = pro[m.proposer].term
                 THEN [pro EXCEPT ![m.proposer].acks[a] = Max(@, end)] ELSE pro
     /\ Reached(a)
     /\ UNCHANGED <<rebuild, store, past, wipes, committed>>

Follow(a) == \E m \in Mandates : FollowAs(m, a)

Takes(m, a) ==
  /\ acc[a].attempt = m.attempt
  /\ acc[a].generation = m.generation
  /\ acc[a].follows = m.term

(* One entry more, exactly at the end; written, not flushed. *)
Write(a) ==
  LET next == Len(acc[a].log) + 1
  IN /\ \E m \in Mandates :
          /\ Takes(m, a)
          /\ next <= m.end
          /\ acc' = [acc EXCEPT ![a].log = Append(@, pro[m.proposer].log[next])]
     /\ pro' = IF Broken = "acknowledges before flush" THEN Acknowledged(pro, a, next) ELSE pro
     /\ UNCHANGED <<rebuild, store, past, there, wipes, committed>>

Flush(a) ==
  /\ acc[a].flush < Len(acc[a].log)
  /\ acc' = [acc EXCEPT ![a].flush = Len(acc[a].log)]
  /\ pro' = Acknowledged(pro, a, Len(acc[a].log))
  /\ UNCHANGED <<rebuild, store, past, there, wipes, committed>>

(* Is told what is committed. *)
Learn(a) ==
  /\ \E m \in Mandates :
       LET known == Min(m.commit, acc[a].flush)
       IN /\ Takes(m, a)
          /\ known > acc[a].commit
          /\ acc' = [acc EXCEPT ![a].commit = known]
  /\ UNCHANGED <<pro, rebuild, store, past, there, wipes, committed>>

(* The process ends, and the machine with it: what was not flushed is gone. *)
Crash(a) ==
  /\ acc[a].follows > 0
  /\ acc' = [acc EXCEPT ![a].log = Prefix(@, acc[a].flush), ![a].follows = 0]
  /\ UNCHANGED <<pro, rebuild, store, past, there, wipes, committed>>

----------------------------------------------------------------------------
(* The loss of a disk, and the way back *)

Wipe(a) ==
  /\ Has(a)
  /\ wipes < MaxWipes
  /\ wipes' = wipes + 1
  /\ acc' = [acc EXCEPT ![a] =
       IF Broken = "votes when wiped" THEN [Absent EXCEPT !.attempt = acc[a].attempt] ELSE Absent]
  /\ UNCHANGED <<pro, rebuild, store, past, there, committed>>

(* Asks the peers for their generation; begins anew if it had begun. *)
BeginRebuild(w) ==
  LET attempt == MaxOf({acc[a].attempt : a \in Acceptors \ {w}})
      peers == {a \in Acceptors \ {w} : acc[a].attempt = attempt}
      generation == 1 + MaxOf({acc[a].generation : a \in peers})
  IN /\ acc[w].attempt < attempt
     /\ Cardinality(peers) >= AnswersNeeded
     /\ generation <= MaxGeneration
     /\ generation /= rebuild[w].generation
     /\ rebuild' = [rebuild EXCEPT ![w] =
          [NoRebuild EXCEPT !.generation = generation, !.attempt = attempt]]
     /\ UNCHANGED <<acc, pro, store, past, there, wipes, committed>>

(* A peer flushes, refuses all older generations from now on, and tells what it has. *)
Answer(w, a) ==
  LET length == IF Broken = "fences without flush" THEN acc[a].flush ELSE Len(acc[a].log)
      answer == [from |-> a, term |-> acc[a].term, history |-> acc[a].history,
                 length |-> length, commit |-> acc[a].commit]
  IN /\ rebuild[w].generation > 0
     /\ rebuild[w].donor = {}
     /\ \A x \in rebuild[w].answers : x.from /= a
     /\ acc[a].attempt = rebuild[w].attempt
     /\ acc[a].generation <= rebuild[w].generation
     /\ acc' = [acc EXCEPT ![a].generation = rebuild[w].generation, ![a].flush = length,
          ![a].follows =
            IF Broken = "fences without flush" \/ @ = 0 \/ acc[a].generation = rebuild[w].generation
              THEN @ ELSE 0]
     /\ pro' = Acknowledged(pro, a, length)
     /\ rebuild' = [rebuild EXCEPT ![w].answers = @ \cup {answer}]
     /\ Reached(a)
     /\ UNCHANGED <<store, past, wipes, committed>>

(* The WAL of the best of them, as it is at that moment. *)
Copy(w) ==
  /\ rebuild[w].donor = {}
  /\ Cardinality(rebuild[w].answers) >= AnswersNeeded
  /\ \E donor \in Greatest(rebuild[w].answers) :
       /\ acc[donor.from].attempt = rebuild[w].attempt
       /\ acc[donor.from].flush >= donor.length
       /\ rebuild' = [rebuild EXCEPT ![w].donor = {donor},
                        ![w].copy = Prefix(acc[donor.from].log, donor.length)]
  /\ UNCHANGED <<acc, pro, store, past, there, wipes, committed>>

(* If the donor's log was not cut meanwhile, w is back. *)
Finish(w) ==
  LET answers == rebuild[w].answers
  IN /\ \E donor \in rebuild[w].donor :
          LET now == acc[donor.from]
          IN /\ now.attempt = rebuild[w].attempt
             /\ CommonPoint(donor.history, now.history, now.flush) >= donor.length
             /\ acc' = [acc EXCEPT ![w] =
                  [Absent EXCEPT !.attempt = rebuild[w].attempt,
                     !.generation = rebuild[w].generation,
                     !.term = MaxOf({x.term : x \in answers}),
                     !.history = UpTo(donor.history, donor.length),
                     !.log = rebuild[w].copy, !.flush = donor.length,
                     !.commit = Min(donor.length, MaxOf({x.commit : x \in answers}))]]
     /\ rebuild' = [rebuild EXCEPT ![w] = NoRebuild]
     /\ Reached(w)
     /\ UNCHANGED <<pro, store, past, wipes, committed>>

----------------------------------------------------------------------------
Next ==
  \/ \E p \in Proposers : Start(p) \/ Elect(p) \/ Open(p) \/ Extend(p) \/ Commit(p)
  \/ \E p \in Proposers, t \in 1..MaxTerm, g \in 0..MaxGeneration : Campaign(p, t, g)
  \/ \E p \in Proposers, a \in Acceptors : Create(p, a) \/ Vote(p, a)
  \/ \E a \in Acceptors, g \in 1..MaxGeneration : Raise(a, g)
  \/ \E a \in Acceptors : Follow(a) \/ Write(a) \/ Flush(a) \/ Learn(a) \/ Crash(a) \/ Wipe(a)
  \/ \E w \in Acceptors : BeginRebuild(w) \/ Copy(w) \/ Finish(w)
  \/ \E w, a \in Acceptors : Answer(w, a)

Spec == Init /\ [][Next]_vars

Symmetry == Permutations(Acceptors) \cup Permutations(Proposers)

----------------------------------------------------------------------------
(* What must hold *)

OneLeaderPerTerm ==
  \A m, n \in Mandates :
    m.term = n.term /\ m.attempt = n.attempt => m.proposer = n.proposer

(* Equal last term and length: equal logs. *)
LogMatching ==
  \A a, b \in Acceptors :
    Has(a) /\ Has(b) /\ acc[a].attempt = acc[b].attempt =>
      \A n \in 1..Min(acc[a].flush, acc[b].flush) :
        LastTerm(acc[a].history, n - 1) = LastTerm(acc[b].history, n - 1)
          => Prefix(acc[a].log, n) = Prefix(acc[b].log, n)

(* Who leads in a term holds all that this term or an earlier one committed.
   An attempt that was not opened has no WAL, and its leader is told so before it has any. *)
LeaderHasCommitted ==
  \A p \in Proposers : Leads(p) /\ pro[p].attempt = store.opened =>
    \A i \in 1..Len(committed) : committed[i].term <= pro[p].term =>
      i <= Len(pro[p].log) /\ pro[p].log[i] = committed[i].by

CommittedIsFinal ==
  /\ \A p \in Proposers : \A i \in 1..pro[p].commit : committed[i].by = pro[p].log[i]
  /\ \A a \in Acceptors :
       /\ acc[a].commit <= Len(committed)
       /\ \A i \in 1..acc[a].commit : committed[i].by = acc[a].log[i]

(* A disk that is gone may have held it; nobody else is excused. What is left
   of an attempt that did not come through is as good as absent. *)
CommittedIsOnQuorum ==
  \A i \in 1..Len(committed) :
    QuorumSize <= Cardinality({a \in Acceptors :
      acc[a].attempt /= store.opened \/ (i <= acc[a].flush /\ acc[a].log[i] = committed[i].by)})

CommitIsFlushed == \A a \in Acceptors : acc[a].commit <= acc[a].flush

(* In the life of a timeline on a safekeeper. *)
SameLife(a) == acc[a].attempt > 0 /\ acc'[a].attempt = acc[a].attempt

CommitsOnlyRise ==
  [][/\ \A a \in Acceptors : SameLife(a) => acc'[a].commit >= acc[a].commit
     /\ \A p \in Proposers : pro'[p].commit >= pro[p].commit]_vars

PromisesOnlyRise ==
  [][\A a \in Acceptors : SameLife(a) =>
       /\ acc'[a].generation >= acc[a].generation
       /\ acc'[a].term >= acc[a].term]_vars

----------------------------------------------------------------------------
(* What must be reached, or the model would prove nothing; TLC is to refute these. *)

NeverCommits == Len(committed) < MaxLength

(* Something is committed by one that was rebuilt, and by its word. *)
NeverCommitsAfterRebuild ==
  ~\E p \in Proposers :
     /\ Leads(p)
     /\ pro[p].generation > 0
     /\ pro[p].commit > pro[p].start
     /\ \E a, b \in Acceptors :
          /\ a /= b
          /\ acc[a].generation > 0 /\ acc[a].flush >= pro[p].commit
          /\ Has(b) /\ acc[b].flush < pro[p].commit
     /\ wipes > 0

(* A leader goes on over the rebuilding of a safekeeper. *)
NeverGoesOn == ~\E m \in past : Leads(m.proposer) /\ pro[m.proposer].commit > m.end

(* Somebody's log is cut, while something is committed. *)
NeverCutsAfterCommit ==
  \A a \in Acceptors, m \in Mandates :
    /\ committed /= <<>>
    /\ acc[a].attempt = m.attempt
    /\ acc[a].generation <= m.generation
    /\ acc[a].term < m.term
    => Len(acc[a].log) <= CommonPoint(m.history, acc[a].history, Len(acc[a].log))
=============================================================================
