package io.coppice.house;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Which package may know which: the arrows of docs/architecture.md, as rules about compiled
 * classes.
 *
 * <pre>
 *   proto, common <- postgres <- safekeeper, pageserver <- compute <- cli <- bench
 * </pre>
 */
final class Arrows {
  private static final String[] ABOVE_POSTGRES = {
    "safekeeper", "pageserver", "compute", "cli", "bench"
  };

  /** What reads a clock, draws a random number or sleeps: owner class, then its members. */
  private static final Map<String, Set<String>> PLATFORM_CALLS =
      Map.ofEntries(
          Map.entry("java.lang.System", Set.of("nanoTime", "currentTimeMillis")),
          Map.entry("java.lang.Thread", Set.of("sleep")),
          Map.entry("java.util.concurrent.TimeUnit", Set.of("sleep")),
          Map.entry("java.lang.Math", Set.of("random")),
          Map.entry("java.time.Instant", Set.of("now")),
          Map.entry("java.time.LocalDateTime", Set.of("now")),
          Map.entry("java.time.OffsetDateTime", Set.of("now")),
          Map.entry("java.time.ZonedDateTime", Set.of("now")),
          Map.entry("java.time.Clock", Set.of("systemUTC", "systemDefaultZone", "system")),
          Map.entry("java.util.UUID", Set.of("randomUUID")),
          Map.entry("java.util.Random", Set.of("<init>")),
          Map.entry("java.security.SecureRandom", Set.of("<init>")),
          Map.entry("java.util.concurrent.ThreadLocalRandom", Set.of("current")),
          Map.entry("java.util.random.RandomGenerator", Set.of("getDefault", "of")));

  private final String root;

  /**
   * @param root the package that all others are in, so that the rules can be tried on planted ones
   */
  Arrows(String root) {
    this.root = root;
  }

  /** Every rule, by a name for reports. */
  Map<String, ArchRule> all() {
    Map<String, ArchRule> rules = new LinkedHashMap<>();
    rules.put("common knows only itself", commonIsAtTheBottom());
    rules.put("postgres knows no storage", postgresKnowsNoStorage());
    rules.put("safekeeper does not know page server", apart("safekeeper", "pageserver"));
    rules.put("page server does not know safekeeper", apart("pageserver", "safekeeper"));
    rules.put("compute is not known below", notKnownTo("compute", "safekeeper", "pageserver"));
    rules.put("cli is not known below", notKnownTo("cli", "safekeeper", "pageserver", "compute"));
    rules.put("bench is known to nobody", bench());
    rules.put("consensus is pure", consensusIsPure());
    rules.put("postgres does no network", postgresDoesNoNetwork());
    rules.put("redo does no input or output", redoIsPure());
    rules.put("ingest does not know layer files", ingestDoesNotKnowLayers());
    rules.put("gRPC stays at the doors", grpcAtTheDoors());
    rules.put("AWS SDK only in common.objectstore.s3", awsSdk());
    rules.put("clock, randomness and sleep only in common.platform", platform());
    rules.put("standard output only in cli and bench", standardOutput());
    return rules;
  }

  private ArchRule commonIsAtTheBottom() {
    return noClasses()
        .that()
        .resideInAPackage(in("common"))
        .should()
        .dependOnClassesThat(
            resideInAPackage(root + "..").and(not(resideInAnyPackage(in("common"), in("proto")))))
        .because("storage-common is at the bottom of the house");
  }

  private ArchRule postgresKnowsNoStorage() {
    return noClasses()
        .that()
        .resideInAPackage(in("postgres"))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(in(ABOVE_POSTGRES)).or(resideInAPackage(in("proto"))))
        .because("postgres knows Postgres's formats and nothing of who stores them");
  }

  private ArchRule apart(String one, String other) {
    return noClasses()
        .that()
        .resideInAPackage(in(one))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(in(other))
        .because("safekeepers and page servers know each other by protocol only");
  }

  private ArchRule notKnownTo(String upper, String... lower) {
    return noClasses()
        .that()
        .resideInAnyPackage(in(lower))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(in(upper))
        .because("arrows go one way");
  }

  private ArchRule bench() {
    return noClasses()
        .that()
        .resideInAnyPackage(in("common", "postgres", "safekeeper", "pageserver", "compute", "cli"))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(in("bench", "it", "house"))
        .because("what measures and tests the house is no part of it");
  }

  private ArchRule consensusIsPure() {
    return noClasses()
        .that()
        .resideInAPackage(in("safekeeper.consensus"))
        .should()
        .dependOnClassesThat(
            not(resideInAnyPackage(
                    in("safekeeper.consensus", "common.id", "common.error", "postgres.wal")))
                .and(not(isPureJava())))
        .because("the protocol runs in a simulator: messages in, effects out, nothing else");
  }

  private ArchRule postgresDoesNoNetwork() {
    return noClasses()
        .that()
        .resideInAPackage(in("postgres"))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.net..", "java.sql..", "org.rocksdb..", "org.postgresql..")
        .because("postgres turns bytes into values");
  }

  private ArchRule redoIsPure() {
    return noClasses()
        .that()
        .resideInAnyPackage(in("postgres.redo", "postgres.page"))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.io..", "java.nio.file..", "java.nio.channels..", "java.net..")
        .because("redo is (page, record) -> page");
  }

  private ArchRule ingestDoesNotKnowLayers() {
    return noClasses()
        .that()
        .resideInAPackage(in("pageserver.ingest"))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(in("pageserver.layer")).or(resideInAPackage("org.rocksdb..")))
        .because("ingest gives (key, LSN, value) to a timeline and knows no files");
  }

  private ArchRule grpcAtTheDoors() {
    return noClasses()
        .that(
            resideInAPackage(root + "..")
                .and(
                    not(
                        resideInAnyPackage(
                            in(
                                "proto",
                                "common.rpc",
                                "safekeeper.server",
                                "safekeeper.client",
                                "pageserver.server",
                                "pageserver.receiver",
                                "compute",
                                "cli",
                                "bench")))))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.grpc..")
        .because("servers and clients translate; the core does not speak gRPC");
  }

  private ArchRule awsSdk() {
    return noClasses()
        .that(
            resideInAPackage(root + "..")
                .and(not(resideInAnyPackage(in("common.objectstore.s3", "it", "house")))))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("software.amazon.awssdk..")
        .because("commands that need no bucket load none of it: use ObjectStores");
  }

  private ArchRule platform() {
    return noClasses()
        .that(
            resideInAPackage(root + "..")
                .and(not(resideInAnyPackage(in("common.platform", "proto", "it", "house")))))
        .should()
        .accessTargetWhere(isPlatformCall())
        .because("time and chance come in as arguments: take a Clock or a RandomGenerator");
  }

  private ArchRule standardOutput() {
    return noClasses()
        .that(resideInAPackage(root + "..").and(not(resideInAnyPackage(in("cli", "bench")))))
        .should()
        .accessTargetWhere(
            DescribedPredicate.<JavaAccess<?>>describe(
                "System.out, System.err or printStackTrace",
                access -> {
                  AccessTarget target = access.getTarget();
                  String owner = target.getOwner().getName();
                  return (owner.equals("java.lang.System")
                          && Set.of("out", "err").contains(target.getName()))
                      || (target.getName().equals("printStackTrace")
                          && target.getOwner().isAssignableTo(Throwable.class));
                }))
        .because("only the command talks to a person: log with SLF4J");
  }

  private static DescribedPredicate<JavaAccess<?>> isPlatformCall() {
    return DescribedPredicate.describe(
        "a call for the clock, for randomness or for sleep",
        access ->
            PLATFORM_CALLS
                .getOrDefault(access.getTarget().getOwner().getName(), Set.of())
                .contains(access.getTarget().getName()));
  }

  /** The parts of the JDK that neither touch the machine nor wait. */
  private static DescribedPredicate<JavaClass> isPureJava() {
    return resideInAnyPackage(
            "java.lang",
            "java.lang.annotation..",
            "java.lang.invoke..",
            "java.lang.runtime..",
            "java.util",
            "java.util.function..",
            "java.util.stream..",
            "java.util.random..",
            "java.nio",
            "java.math..",
            "org.jspecify.annotations..",
            "com.google.errorprone.annotations..")
        .or(DescribedPredicate.describe("primitive", JavaClass::isPrimitive))
        .or(DescribedPredicate.describe("array", JavaClass::isArray));
  }

  private String in(String name) {
    return root + "." + name + "..";
  }

  private String[] in(String... names) {
    return Arrays.stream(names).map(this::in).toArray(String[]::new);
  }
}
