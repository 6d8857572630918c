package io.coppice.it.mutation;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.record.SmgrRecord;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * Plants defects in redo where WAL reaches it, and lets what {@code wal verify} runs on replay that
 * WAL with each of them: many at a time, each with classes and pages of its own, for reading takes
 * longer than the few records that most of them last.
 */
public final class RedoMutants {
  private static final int AT_A_TIME = 100;

  /** Of each resource manager; enough for nearly all that are caught at all. */
  private static final int RELATIONS_FEW = 10;

  /** Each may have all pages of the corpus, some 100 MB. */
  private static final int AT_A_TIME_WITH_ALL = 5;

  private final ClusterFiles base;
  private final WalFiles wal;
  private final RedoClasses classes = new RedoClasses();

  /**
   * @param wal written from {@code base} on, by a server with {@code wal_consistency_checking}
   */
  public RedoMutants(ClusterFiles base, Path wal)
      throws StorageException, IOException, URISyntaxException {
    this.base = base;
    this.wal = WalFiles.open(wal);
  }

  private interface Visitor {
    void visit(WalRecord record, Set<RelationTag> relations) throws StorageException;
  }

  private void forEachRecord(Visitor visitor) throws StorageException {
    WalRecord record = new WalRecord();
    try (WalFileReader reader = wal.readFrom(base.startLsn())) {
      while (reader.next(record)) {
        visitor.visit(record, relations(record));
      }
    }
  }

  private static Set<RelationTag> relations(WalRecord record) throws StorageException {
    Set<RelationTag> relations = new HashSet<>();
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        relations.add(record.blockTag(id).withFork(Fork.MAIN));
      }
    }
    if (record.resourceManager() == ResourceManager.SMGR) {
      RelationTag relation =
          switch (SmgrRecord.parse(record)) {
            case SmgrRecord.Create create -> create.relation();
            case SmgrRecord.Truncate truncate -> truncate.relation();
          };
      relations.add(relation.withFork(Fork.MAIN));
    }
    return relations;
  }

  /**
   * Lets so many mutants of each class run, if there are points for as many.
   *
   * @param isThorough whether those that survive the first relations that show the defect replay
   *     the others too
   */
  public MutationReport run(long seed, int perClass, boolean isThorough)
      throws StorageException, ReflectiveOperationException {
    Reach reach = reach();
    MutationReport report = new MutationReport(wal.version().major(), seed);
    List<Integer> chosen = new ArrayList<>();
    shuffled(seed)
        .forEach((topClass, places) -> {
          List<Integer> reached = places.stream().filter(reach::isReached).toList();
          report.add(topClass, places.size(), reached.size());
          chosen.addAll(reached.subList(0, Math.min(perClass, reached.size())));
        });
    List<Integer> survivors = survivors(chosen, reach, RELATIONS_FEW, AT_A_TIME);
    if (isThorough) {
      survivors = survivors(survivors, reach, Integer.MAX_VALUE, AT_A_TIME_WITH_ALL);
    }
    for (int place : chosen) {
      report.add(classes.points().get(place), !survivors.contains(place));
    }
    return report;
  }

  private Reach reach() throws StorageException, ReflectiveOperationException {
    Probe.reset();
    Replay replay = classes.probed().replay(wal.version(), base);
    Reach reach = new Reach();
    reach.addStart(Probe.reached());
    forEachRecord((record, relations) -> {
      Probe.reset();
      replay.apply(record);
      reach.add(record.resourceManager(), relations, Probe.reached());
    });
    return reach;
  }

  private Map<String, List<Integer>> shuffled(long seed) {
    Map<String, List<Integer>> places = new TreeMap<>();
    for (int place = 0; place < classes.points().size(); place++) {
      String topClass = classes.points().get(place).topClass();
      places.computeIfAbsent(topClass, _ -> new ArrayList<>()).add(place);
    }
    places.forEach(
        (topClass, all) -> Collections.shuffle(all, new Random(seed ^ topClass.hashCode())));
    return places;
  }

  private List<Integer> survivors(List<Integer> places, Reach reach, int relationsMax, int atATime)
      throws StorageException, ReflectiveOperationException {
    List<Integer> survivors = new ArrayList<>();
    for (int from = 0; from < places.size(); from += atATime) {
      Map<Integer, Mutant> mutants = new LinkedHashMap<>();
      for (int place : places.subList(from, Math.min(from + atATime, places.size()))) {
        MutationPoint point = classes.points().get(place);
        mutants.put(place, new Mutant(point, classes.mutated(point), wal.version(), base));
      }
      replay(mutants, reach, relationsMax);
      mutants.forEach((place, mutant) -> {
        if (!mutant.isCaught()) {
          survivors.add(place);
        }
      });
    }
    return survivors;
  }

  private void replay(Map<Integer, Mutant> mutants, Reach reach, int relationsMax)
      throws StorageException {
    Map<RelationTag, List<Mutant>> byRelation = new HashMap<>();
    mutants.forEach((place, mutant) -> {
      for (RelationTag relation : reach.relations(place, relationsMax)) {
        byRelation.computeIfAbsent(relation, _ -> new ArrayList<>()).add(mutant);
      }
    });
    forEachRecord((record, relations) -> {
      Set<Mutant> concerned = new LinkedHashSet<>();
      if (record.resourceManager() == ResourceManager.DBASE) {
        concerned.addAll(mutants.values());
      }
      for (RelationTag relation : relations) {
        concerned.addAll(byRelation.getOrDefault(relation, List.of()));
      }
      concerned.forEach(mutant -> mutant.apply(record));
    });
    mutants.values().forEach(Mutant::end);
  }
}
