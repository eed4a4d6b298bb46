// Zones, lookaside lists and pool as C++ objects and behind standard containers.
#include <cstdio>
#include <exalloc/lookaside.hpp>
#include <exalloc/memory_resource.hpp>
#include <exalloc/pool.hpp>
#include <exalloc/zone.hpp>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

struct order {
  int number;
  double price;
};

int main() {
  exalloc::zone zone(sizeof(order), 1000);
  auto first = zone.make<order>(order{1, 9.5});  // a unique_ptr; its block goes back by itself

  std::vector<void*> blocks(64);
  blocks.resize(zone.try_allocate(blocks));
  std::printf("block %p: token %u, device address %#llx\n", blocks[0], zone.token(blocks[0]),
              static_cast<unsigned long long>(zone.device_address(blocks[0])));
  std::printf("%llu of %llu in use\n", static_cast<unsigned long long>(zone.usage().in_use),
              static_cast<unsigned long long>(zone.usage().blocks));
  zone.deallocate(blocks);

  exalloc::lookaside<order> cache(exalloc::tag("Ordr"));
  { auto kept = cache.make(order{2, 1.0}); }
  { auto again = cache.make(order{3, 2.0}); }  // the same memory
  std::printf("%u misses\n", cache.fields().AllocateMisses);

  const exalloc::pool pool(exalloc::tag("Book"), exalloc::pool::kind::paged);
  std::vector<int, exalloc::pool_allocator<int>> numbers(1000, 7, pool);

  exalloc::zone nodes(96, 500);
  exalloc::zone_resource resource(nodes);  // falls back to the default resource
  std::pmr::map<int, std::pmr::string> names(&resource);
  for (int i = 0; i < 100; ++i) names[i] = "order";
  std::printf("%llu map nodes in the zone\n",
              static_cast<unsigned long long>(nodes.usage().in_use));
  return first->number == 1 && cache.fields().AllocateMisses == 1 && numbers.size() == 1000 ? 0 : 1;
}
