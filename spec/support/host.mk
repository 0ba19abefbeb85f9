# The hosts in C of host_spec.lua and memory_spec.lua:
# make -f spec/support/host.mk build/host/NAME

include Makefile

PLAIN = -std=c11 -g -O1 -fPIC -U_FORTIFY_SOURCE $(WARNINGS) $(STATIC)
COUNTED = -Dmalloc=host_malloc -Dfree=host_free

$(BUILD)/host/host.so: spec/support/host.c
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(PLAIN) $< -o $@ -lpthread

$(BUILD)/host/slowdns.so: spec/support/slowdns.c
	@mkdir -p $(@D)
	$(CC) $(SHARED) -fPIC -Wall -Wextra $< -o $@ -ldl

# pa_wipe takes a memset that can be told to do nothing.
$(BUILD)/host/buffer.o: CAUGHT = -Dmemset=host_memset

$(BUILD)/host/%.o: src/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(PLAIN) $(COUNTED) $(CAUGHT) -c $< -o $@

$(BUILD)/host/memory: spec/support/host_memory.c \
  $(SOURCES:src/%.c=$(BUILD)/host/%.o)
	$(CC) $(PLAIN) $^ -o $@ $(LIBS)

# Hosts that have the module inside, those of embed_spec.lua.
EMBED = -std=gnu11 $(CFLAGS) $(WARNINGS) -I$(BUILD) -I$(LUA_INC)

$(BUILD)/embed/example: examples/embed/host.c $(BUILD)/libplexauth.a \
  $(BUILD)/plexauth.h
	@mkdir -p $(@D)
	$(CC) $(EMBED) $< $(BUILD)/libplexauth.a -o $@ $(LIBS)

$(BUILD)/embed/%: spec/support/%.c examples/embed/host.c \
  $(BUILD)/libplexauth.a $(BUILD)/plexauth.h
	@mkdir -p $(@D)
	$(CC) $(EMBED) $< $(BUILD)/libplexauth.a -o $@ $(LIBS)
