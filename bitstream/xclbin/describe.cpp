// An xclbin's description in JSON, both ways.
#include <fmt/format.h>

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "kernel_xml.hpp"
#include "xclbin.hpp"

namespace exalloc::xclbin {
namespace {

using json = nlohmann::ordered_json;

// An object of the description: every key is asked for by name, and one that nobody asks for is an
// error.
class object {
 public:
  object(const json& from, std::string where, std::initializer_list<std::string_view> keys)
      : from_(from), where_(std::move(where)) {
    if (!from.is_object()) throw format_error(fmt::format("{}: is no object", where_));
    for (const auto& [key, value] : from.items()) {
      bool known = false;
      for (const std::string_view k : keys) known = known || k == key;
      if (!known)
        throw format_error(fmt::format("{}: there is no key \"{}\"; known are {}", where_, key,
                                       fmt::join(keys.begin(), keys.end(), ", ")));
    }
  }
  bool has(const char* key) const { return from_.contains(key); }
  const json& at(const char* key) const {
    if (!has(key)) throw format_error(fmt::format("{}: lacks the key \"{}\"", where_, key));
    return from_[key];
  }
  std::string text(const char* key) const {
    const json& value = at(key);
    if (!value.is_string()) wrong(key, "a text");
    return value.get<std::string>();
  }
  // A number, or a text like "0x800000".
  std::uint64_t number(const char* key, std::uint64_t most = UINT64_MAX) const {
    const json& value = at(key);
    std::uint64_t out = 0;
    if (value.is_number_unsigned()) {
      out = value.get<std::uint64_t>();
    } else if (value.is_string()) {
      const auto digits = value.get<std::string>();
      std::size_t used = 0;
      try {
        out = std::stoull(digits, &used, 0);
      } catch (const std::exception&) {
      }
      if (used == 0 || used != digits.size() || digits[0] == '-') wrong(key, "a number");
    } else {
      wrong(key, "a number");
    }
    if (out > most) throw format_error(fmt::format("{}: {} is above {}", where_, key, most));
    return out;
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean()) wrong(key, "true or false");
    return at(key).get<bool>();
  }
  // The objects of a list, each with its place for messages.
  template <class Each>
  void list(const char* key, Each&& each) const {
    if (!at(key).is_array()) wrong(key, "a list");
    std::size_t i = 0;
    for (const json& e : at(key)) each(e, fmt::format("{}, {} {}", where_, key, i++));
  }

 private:
  [[noreturn]] void wrong(const char* key, const char* what) const {
    throw format_error(fmt::format("{}: \"{}\" is not {}", where_, key, what));
  }
  const json& from_;
  std::string where_;
};

constexpr std::uint64_t most32 = UINT32_MAX, most31 = INT32_MAX;

kernel_port port_of(const json& from, const std::string& where) {
  const object p(from, where, {"name", "master", "stream", "range", "width"});
  kernel_port out{p.text("name"), port_kind::registers, 0,
                  static_cast<unsigned>(p.number("width", 4096))};
  if (p.has("stream")) {
    const std::string way = p.text("stream");
    if (way != "in" && way != "out")
      throw format_error(fmt::format("{}: \"stream\" is neither \"in\" nor \"out\"", where));
    out.kind = way == "in" ? port_kind::stream_in : port_kind::stream_out;
  } else {
    out.kind = p.flag("master", false) ? port_kind::memory : port_kind::registers;
    out.range = p.number("range");
  }
  return out;
}

kernel kernel_of(const json& from, const std::string& place) {
  const object k(from, place, {"name", "control", "instances", "ports", "arguments"});
  kernel out{k.text("name"), k.text("control"), {}, {}, {}};
  k.list("instances", [&](const json& e, const std::string& where) {
    const object i(e, where, {"name", "base"});
    out.instances.push_back({i.text("name"), i.number("base")});
  });
  k.list("ports",
         [&](const json& e, const std::string& where) { out.ports.push_back(port_of(e, where)); });
  k.list("arguments", [&](const json& e, const std::string& where) {
    const object a(e, where, {"name", "port", "id", "offset", "size"});
    out.arguments.push_back({a.text("name"), a.text("port"),
                             static_cast<std::uint32_t>(a.number("id", most32)), a.number("offset"),
                             a.has("size") ? a.number("size") : 8});
  });
  return out;
}

project project_of(const object& from) {
  project out{
      from.text("board"), from.text("device"), static_cast<unsigned>(from.number("mhz", 2000)), {}};
  from.list("kernels", [&](const json& e, const std::string& where) {
    out.kernels.push_back(kernel_of(e, where));
  });
  return out;
}

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

}  // namespace

std::string to_json(const contents& c) {
  json out;
  out["shell"] = c.shell;
  out["uuid"] = to_string(c.id);
  out["interface_uuid"] = to_string(c.interface_id);
  out["made"] = c.made;
  out["mode"] = c.mode;
  out["memories"] = json::array();
  for (const memory_bank& m : c.memories)
    out["memories"].push_back({{"name", m.name},
                               {"type", m.type},
                               {"used", m.used},
                               {"size_kb", m.size_kb},
                               {"base", hex(m.base)}});
  out["ips"] = json::array();
  for (const ip_block& p : c.ips) {
    json e{{"name", p.name}, {"control", p.control}, {"base", hex(p.base)}};
    if (p.interrupt) e["interrupt"] = p.interrupt_id;
    out["ips"].push_back(std::move(e));
  }
  out["connections"] = json::array();
  for (const connection& n : c.connections)
    out["connections"].push_back({{"argument", n.argument}, {"ip", n.ip}, {"memory", n.memory}});
  out["clocks"] = json::array();
  for (const clock& k : c.clocks)
    out["clocks"].push_back({{"name", k.name}, {"type", k.type}, {"mhz", k.mhz}});
  out["key_values"] = json::object();
  for (const auto& [key, value] : c.key_values) out["key_values"][key] = value;
  out["build"] = json::parse(c.build.empty() ? "{}" : c.build);
  out["xml"] = c.xml;
  if (!c.others.empty()) out["other_sections"] = c.others;
  return out.dump(2) + "\n";
}

contents from_json(std::string_view text) {
  const json all = json::parse(text, nullptr, false, true);
  if (all.is_discarded()) throw format_error("the description is no JSON");
  const object d(
      all, "the description",
      {"shell", "uuid", "interface_uuid", "made", "mode", "memories", "ips", "connections",
       "clocks", "key_values", "build", "xml", "board", "device", "mhz", "kernels"});
  contents c;
  c.shell = d.text("shell");
  c.id = parse_uuid(d.text("uuid"));
  c.interface_id = parse_uuid(d.text("interface_uuid"));
  if (d.has("made")) c.made = d.number("made");
  if (d.has("mode")) c.mode = d.text("mode");
  d.list("memories", [&](const json& e, const std::string& where) {
    const object m(e, where, {"name", "type", "used", "size_kb", "base"});
    c.memories.push_back({m.text("name"), m.text("type"), m.flag("used", true), m.number("size_kb"),
                          m.number("base")});
  });
  d.list("ips", [&](const json& e, const std::string& where) {
    const object p(e, where, {"name", "control", "base", "interrupt"});
    ip_block b{p.text("name"), p.text("control"), p.number("base"), p.has("interrupt"), 0};
    if (b.interrupt) b.interrupt_id = static_cast<std::uint32_t>(p.number("interrupt", 127));
    c.ips.push_back(std::move(b));
  });
  d.list("connections", [&](const json& e, const std::string& where) {
    const object n(e, where, {"argument", "ip", "memory"});
    const auto index = [&](const char* key) {
      return static_cast<std::int32_t>(n.number(key, most31));
    };
    c.connections.push_back({index("argument"), index("ip"), index("memory")});
  });
  d.list("clocks", [&](const json& e, const std::string& where) {
    const object k(e, where, {"name", "type", "mhz"});
    c.clocks.push_back(
        {k.text("name"), k.text("type"), static_cast<std::uint16_t>(k.number("mhz", UINT16_MAX))});
  });
  if (d.has("key_values")) {
    for (const auto& [key, value] : d.at("key_values").items()) {
      if (!value.is_string())
        throw format_error(fmt::format("the description: key_values.{} is not a text", key));
      c.key_values[key] = value.get<std::string>();
    }
  }
  c.build = d.has("build") ? d.at("build").dump() : "{}";
  if (d.has("xml") == d.has("kernels"))
    throw format_error("the description: needs one of \"xml\" and \"kernels\"");
  c.xml = d.has("xml") ? d.text("xml") : project_xml(project_of(d));
  return c;
}

}  // namespace exalloc::xclbin
