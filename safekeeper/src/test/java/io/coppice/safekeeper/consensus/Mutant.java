package io.coppice.safekeeper.consensus;

/** A planted mistake that the simulation must find. */
enum Mutant {
  NONE,
  VOTES_TWICE_IN_A_TERM,
  FORGETS_ITS_TERM,
  ACKNOWLEDGES_BEFORE_SYNC,
  LEAVES_CUT_WAL_ON_DISK,
  COMMITS_EARLIER_TERMS_ALONE,
  ELECTS_BY_LENGTH_ALONE
}
