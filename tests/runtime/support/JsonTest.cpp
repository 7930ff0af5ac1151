#include "runtime/support/Json.h"

#include <cmath>
#include <gtest/gtest.h>

namespace pgrt {

TEST(Json, Writes) {
  JsonWriter json;
  json.beginObject()
      .field("a", 1)
      .field("b", "x\"\\\n\x01")
      .key("c")
      .beginArray()
      .value(0.1)
      .value(true)
      .null()
      .endArray();
  json.field("d", NAN).key("e").beginObject().endObject().endObject();
  EXPECT_EQ(
      json.text(),
      R"({"a":1,"b":"x\"\\\n\u0001","c":[0.1,true,null],"d":null,"e":{}})");
}

TEST(Json, ReadsWhatItWrites) {
  JsonValue value;
  ASSERT_EQ(
      parseJson(
          R"( {"a": [1, -2.5e1, "\u00e9\ud83d\ude00\n"], "b": {"c": false}} )",
          value),
      "");
  const JsonValue &list = *value.find("a");
  EXPECT_EQ(list.items[0].kind, JsonValue::Kind::Integer);
  EXPECT_EQ(list.items[0].integer, 1);
  EXPECT_EQ(list.items[1].number, -25);
  EXPECT_EQ(list.items[2].string, "é😀\n");
  EXPECT_EQ(value.find("b")->find("c")->kind, JsonValue::Kind::Bool);
  EXPECT_EQ(value.find("z"), nullptr);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char *bad :
       {"", "{", "[1,]", "{\"a\" 1}", "{\"a\":1,\"a\":2}", "tru", "01x", "\"",
        "\"\\q\"", "\"\\ud800\"", "1 2", "[1e999]", "{a:1}", "nul", "-"}) {
    JsonValue value;
    EXPECT_NE(parseJson(bad, value), "") << bad;
  }
  JsonValue value;
  EXPECT_NE(parseJson(std::string(100'000, '['), value), "");
}

} // namespace pgrt
