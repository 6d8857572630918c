package io.coppice.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

final class LinePlotTest {
  private static Document parse(LinePlot plot) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(plot.svg().getBytes(StandardCharsets.UTF_8)));
  }

  private static LinePlot plot(LinePlot.Point... points) {
    LinePlot plot = new LinePlot("a < b & c", "branches", "us");
    plot.add(new LinePlot.Series("read", List.of(points)));
    return plot;
  }

  private static double attribute(NodeList elements, int index, String name) {
    return Double.parseDouble(((Element) elements.item(index)).getAttribute(name));
  }

  @Test
  void placesPointsByTheLogarithmAndFromZero() throws Exception {
    Document svg =
        parse(
            plot(
                new LinePlot.Point(1, 10),
                new LinePlot.Point(10, 10),
                new LinePlot.Point(100, 20)));
    NodeList points = svg.getElementsByTagName("circle");
    assertThat(points.getLength()).isEqualTo(3);
    double first = attribute(points, 0, "cx");
    assertThat(attribute(points, 1, "cx") - first)
        .isCloseTo((attribute(points, 2, "cx") - first) / 2, within(0.1));
    assertThat(attribute(points, 0, "cy")).isEqualTo(attribute(points, 1, "cy"));
    double zero = attribute(svg.getElementsByTagName("line"), 0, "y1");
    assertThat(zero - attribute(points, 2, "cy"))
        .isCloseTo(2 * (zero - attribute(points, 0, "cy")), within(0.1));
  }

  @Test
  void writesWordsThatXmlWouldTakeForItsOwn() throws Exception {
    Document svg = parse(plot(new LinePlot.Point(1, 0)));
    assertThat(svg.getElementsByTagName("text").item(0).getTextContent()).isEqualTo("a < b & c");
  }

  @Test
  void refusesWhatHasNoPlaceOnTheAxes() {
    assertThatThrownBy(() -> plot(new LinePlot.Point(0, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("read");
  }
}
