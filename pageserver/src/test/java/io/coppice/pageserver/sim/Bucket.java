package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.remote.Indexes;
import io.coppice.pageserver.remote.TimelineIndex;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What the object store holds, and a look at each change of it: an index names only what is there,
 * and nothing goes that the newest page server uses.
 */
final class Bucket {
  private static final Pattern OBJECT =
      Pattern.compile("(tenants/([0-9a-f]{32})/timelines/([0-9a-f]{32})/)(.*)");
  private static final String INDEX = "index.json-";

  private final TreeMap<String, byte[]> objects = new TreeMap<>();
  private @Nullable User newest;

  /** A page server, and what it was last told, or has said, is in its timelines. */
  static final class User {
    private final Map<String, Set<String>> layers = new HashMap<>();

    private void uses(String timeline, Set<String> names) {
      layers.put(timeline, names);
    }
  }

  /** A page server starts; those before it are stale from now on. */
  User start() {
    User user = new User();
    newest = user;
    return user;
  }

  byte @Nullable [] get(User user, String name) throws StorageException {
    byte[] found = objects.get(name);
    Matcher matcher = OBJECT.matcher(name);
    if (found != null && matcher.matches() && matcher.group(4).startsWith(INDEX)) {
      user.uses(matcher.group(1), layers(name, matcher, found));
    }
    return found;
  }

  boolean contains(String name) {
    return objects.containsKey(name);
  }

  void put(User user, String name, byte[] contents) throws StorageException {
    Matcher matcher = OBJECT.matcher(name);
    if (matcher.matches() && matcher.group(4).startsWith(INDEX)) {
      user.uses(matcher.group(1), layers(name, matcher, contents));
    }
    objects.put(name, contents);
  }

  /** The objects of the layers that an index names, all of which are there. */
  private Set<String> layers(String name, Matcher matcher, byte[] contents)
      throws StorageException {
    TenantTimelineId id =
        new TenantTimelineId(TenantId.parse(matcher.group(2)), TimelineId.parse(matcher.group(3)));
    TimelineIndex index = Indexes.read(name, id, contents);
    Set<String> named = new HashSet<>();
    if (!index.deleted()) {
      for (LayerDescriptor layer : index.layers()) {
        named.add(matcher.group(1) + layer.name());
        check(matcher.group(1) + layer.name(), layer, name);
      }
    }
    return named;
  }

  private void check(String object, LayerDescriptor layer, String index) {
    byte[] bytes = objects.get(object);
    if (bytes == null) {
      throw new Violation("%s names %s, which is not there".formatted(index, layer));
    }
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    Violation.check(
        bytes.length == layer.sizeBytes() && (int) crc.getValue() == layer.crc32c(),
        "%s names %s, but what is there is another",
        index,
        layer);
  }

  void delete(String name) {
    User user = newest;
    Matcher matcher = OBJECT.matcher(name);
    if (user != null && matcher.matches()) {
      Set<String> used = user.layers.getOrDefault(matcher.group(1), Set.of());
      Violation.check(!used.contains(name), "%s is deleted, but it is in use", name);
      Violation.check(
          used.isEmpty() || !isNewestIndex(matcher, name), "%s, the newest, is deleted", name);
    }
    objects.remove(name);
  }

  private boolean isNewestIndex(Matcher matcher, String name) {
    String prefix = matcher.group(1) + INDEX;
    return name.startsWith(prefix) && name.equals(objects.floorKey(prefix + "~"));
  }

  List<ObjectInfo> list(String prefix) {
    List<ObjectInfo> found = new ArrayList<>();
    for (Map.Entry<String, byte[]> object : objects.tailMap(prefix).entrySet()) {
      if (!object.getKey().startsWith(prefix)) {
        break;
      }
      found.add(new ObjectInfo(object.getKey(), object.getValue().length));
    }
    return found;
  }

  int size() {
    return objects.size();
  }
}
