// What the lookaside engine promises, for scripts/prove: an observer keeps, from the operations that
// were taken, a stack for each list; answers and memories must agree with it. What is counted, and
// so when the governor finds a list idle or missing, is left open here: lookaside_counts_test.
//
//@ proof short induction 2 sat,ind NumLists=2 Depth=4 DomainW=1 EntryW=4 TagW=1 UseUram=0
//@ answered: every operation is answered once, in the order they were taken, with its tag
//@ wrong: s/s3_valid_q    <= s2_end \&\& /s3_valid_q <= s2_valid_q \&\& /
//@ lifo: a pop brings the entry pushed last of those still on the list's stack, unchanged: none is lost, none comes twice
//@ wrong: s/s2_held_q     <= forward \? held_d : s1_held/s2_held_q <= s1_held/
//@ bounds: held + reserved never grow beyond depth, whatever the governor made of it; held never beyond Depth
//@ wrong: s/roomy_d = s2_room_q != RoomW'\(1\)/roomy_d = s2_room_q != RoomW'(2)/
//@ refused: a refused operation changes no state, no entry and no count
//@ wrong: s/do_push = s2_valid_q \&\& s2_ok_q/do_push = s2_valid_q/
//@ domains: a list changes only by an operation that names it, and by pop, push, account and share only if open and
//@   from its domain
//@ wrong: s/s1_alien   = s1_guarded/s1_alien = s1_op_q == 3'd0/
//@ empty: a pop is answered with empty exactly if the list holds nothing
//@ wrong: s/do_pop \? s2_held_q != CountW'\(1\)/do_pop ? s2_held_q > CountW'(2)/
//@ full: a push is answered with full exactly if held + reserved have reached depth
//@ wrong: s/roomy_d = do_pop \? !s2_room_q\[RoomW-1\]/roomy_d = do_pop ? s2_roomy_q/
//@ share: shares are granted as far as depth allows after those given back; more back than reserved is refused
//@ wrong: s/share_give > 16'/share_give >= 16'/
//@ opens: a list is opened exactly if it was closed and minimum <= depth <= maximum <= Depth, and then is empty
//@ wrong: s/open_minimum > open_depth \|\| //
//@ governor: depth goes halfway to minimum, doubles up to maximum, or stays, and stays between the two
//@ wrong: s/grown_q  <= \(twice_q > /grown_q <= (twice_q < /
//
//@ see fv_word0 u_entries.gen_single.gen_any.mem[0]
//@ see fv_word1 u_entries.gen_single.gen_any.mem[1]
//@ see fv_word2 u_entries.gen_single.gen_any.mem[2]
//@ see fv_word3 u_entries.gen_single.gen_any.mem[3]
//@ see fv_word4 u_entries.gen_single.gen_any.mem[4]
//@ see fv_word5 u_entries.gen_single.gen_any.mem[5]
//@ see fv_word6 u_entries.gen_single.gen_any.mem[6]
//@ see fv_word7 u_entries.gen_single.gen_any.mem[7]
//@ see fv_latch u_entries.gen_single.latch_q

always_comb begin
  assume (req_op_i <= exalloc_pkg::LookasideOpGovern);
  assume (!(read_i && (read_pending_q || s1_read_q || s2_read_q || s3_read_q || s4_read_q)));
end

// ------------------------------------------------------------------------------------------------
// Operations on their way, the oldest first: what was taken against what the stages hold
localparam int unsigned FvOpW = TagW + 3 + ListW + DomainW + EntryW;
localparam int unsigned FvStages = 5;
logic [FvStages*FvOpW-1:0] fv_queue_q, fv_queue_d;
logic [2:0] fv_waiting_q, fv_waiting_d, fv_staged;
logic fv_s1_op, fv_s2_op;
assign fv_s1_op = s1_valid_q && !s1_sweep_q;
assign fv_s2_op = s2_valid_q && !s2_sweep_q;
always_comb begin
  fv_queue_d = fv_queue_q;
  fv_waiting_d = fv_waiting_q;
  if (rsp_valid_o) begin
    fv_queue_d = fv_queue_d >> FvOpW;
    fv_waiting_d = fv_waiting_d - 3'd1;
  end
  for (int unsigned i = 0; i < FvStages; i++) begin
    if (req_valid_i && req_ready_o && fv_waiting_d == 3'(i)) begin
      fv_queue_d[i*FvOpW +: FvOpW] = {req_tag_i, req_op_i, req_list_i, req_domain_i,
                                       req_data_i[EntryW-1:0]};
    end
  end
  if (req_valid_i && req_ready_o) fv_waiting_d = fv_waiting_d + 3'd1;
end
always_ff @(posedge clk_i) begin
  fv_queue_q   <= fv_queue_d;
  fv_waiting_q <= rst_i ? 3'd0 : fv_waiting_d;
end
logic [2:0] fv_at4, fv_at3, fv_at2, fv_at1;
assign fv_at4 = 3'(rsp_valid_o);
assign fv_at3 = fv_at4 + 3'(s4_valid_q);
assign fv_at2 = fv_at3 + 3'(s3_valid_q);
assign fv_at1 = fv_at2 + 3'(fv_s2_op);
assign fv_staged = fv_at1 + 3'(fv_s1_op);
logic [FvOpW-1:0] fv_op4, fv_op3, fv_op2, fv_op1;
always_comb begin
  fv_op4 = '0;
  fv_op3 = '0;
  fv_op2 = '0;
  fv_op1 = '0;
  for (int unsigned i = 0; i < FvStages; i++) begin
    if (fv_at4 == 3'(i)) fv_op4 = fv_queue_q[i*FvOpW +: FvOpW];
    if (fv_at3 == 3'(i)) fv_op3 = fv_queue_q[i*FvOpW +: FvOpW];
    if (fv_at2 == 3'(i)) fv_op2 = fv_queue_q[i*FvOpW +: FvOpW];
    if (fv_at1 == 3'(i)) fv_op1 = fv_queue_q[i*FvOpW +: FvOpW];
  end
end

// ------------------------------------------------------------------------------------------------
// State of the lists in the memories, and that of the operation in stage 2
localparam int unsigned FvSumW = CountW + 1;
logic [NumLists-1:0] fv_some, fv_roomy, fv_open, fv_formed;
logic [NumLists*CountW-1:0] fv_held, fv_depth, fv_minimum, fv_maximum, fv_reserved;
logic [NumLists*RoomW-1:0] fv_room;
logic [NumLists*DomainW-1:0] fv_owner;
for (genvar l = 0; l < NumLists; l++) begin : g_fv_list
  logic [CountW-1:0] held, depth, minimum, maximum, reserved;
  logic [RoomW-1:0] room;
  logic [FvSumW-1:0] used;
  assign {fv_some[l], fv_roomy[l], held, room} = stack_mem[l];
  assign {fv_open[l], fv_owner[l*DomainW +: DomainW], depth, minimum, maximum, reserved} =
      static_mem[l];
  assign used = FvSumW'(held) + FvSumW'(reserved);
  assign fv_held[l*CountW +: CountW] = held;
  assign fv_depth[l*CountW +: CountW] = depth;
  assign fv_minimum[l*CountW +: CountW] = minimum;
  assign fv_maximum[l*CountW +: CountW] = maximum;
  assign fv_reserved[l*CountW +: CountW] = reserved;
  assign fv_room[l*RoomW +: RoomW] = room;
  assign fv_formed[l] =
      used <= FvSumW'(Depth) && minimum <= depth && depth <= maximum &&
      maximum <= CountW'(Depth) && room == RoomW'(depth) - RoomW'(used) &&
      fv_some[l] == (held != '0) && fv_roomy[l] == (FvSumW'(depth) > used) &&
      (fv_open[l] || (held == '0 && reserved == '0 && maximum == '0));
end

logic [CountW-1:0] fv_at_held, fv_at_depth, fv_at_minimum, fv_at_maximum, fv_at_reserved;
logic [RoomW-1:0] fv_at_room;
logic [FvSumW-1:0] fv_at_used, fv_s2_used;
logic [DomainW-1:0] fv_at_owner;
logic fv_at_some, fv_at_roomy, fv_at_open, fv_same_stack, fv_same, fv_s2_formed, fv_first;
assign fv_at_some     = fv_some[s2_list_q];
assign fv_at_roomy    = fv_roomy[s2_list_q];
assign fv_at_open     = fv_open[s2_list_q];
assign fv_at_held     = fv_held[s2_list_q*CountW +: CountW];
assign fv_at_depth    = fv_depth[s2_list_q*CountW +: CountW];
assign fv_at_minimum  = fv_minimum[s2_list_q*CountW +: CountW];
assign fv_at_maximum  = fv_maximum[s2_list_q*CountW +: CountW];
assign fv_at_reserved = fv_reserved[s2_list_q*CountW +: CountW];
assign fv_at_room     = fv_room[s2_list_q*RoomW +: RoomW];
assign fv_at_owner    = fv_owner[s2_list_q*DomainW +: DomainW];
assign fv_at_used     = FvSumW'(fv_at_held) + FvSumW'(fv_at_reserved);
assign fv_s2_used     = FvSumW'(s2_held_q) + FvSumW'(s2_reserved_q);
assign fv_same_stack  = s2_held_q == fv_at_held && s2_some_q == fv_at_some;
assign fv_same        = fv_same_stack && s2_room_q == fv_at_room && s2_roomy_q == fv_at_roomy &&
                        s2_open_q == fv_at_open && s2_owner_q == fv_at_owner &&
                        s2_depth_q == fv_at_depth && s2_minimum_q == fv_at_minimum &&
                        s2_maximum_q == fv_at_maximum && s2_reserved_q == fv_at_reserved;
assign fv_s2_formed   = fv_s2_used <= FvSumW'(Depth) && s2_minimum_q <= s2_depth_q &&
                        s2_depth_q <= s2_maximum_q && s2_maximum_q <= CountW'(Depth) &&
                        s2_room_q == RoomW'(s2_depth_q) - RoomW'(fv_s2_used) &&
                        s2_some_q == (s2_held_q != '0) &&
                        (s2_open_q ||
                         (s2_held_q == '0 && s2_reserved_q == '0 && s2_maximum_q == '0));
assign fv_first       = fv_s2_op && s2_step_q == 3'd0;

logic fv_is_pop, fv_is_push, fv_is_account, fv_is_share, fv_is_open, fv_is_close, fv_is_govern;
logic fv_guarded;
assign fv_is_pop     = s2_op_q == exalloc_pkg::LookasideOpPop;
assign fv_is_push    = s2_op_q == exalloc_pkg::LookasideOpPush;
assign fv_is_account = s2_op_q == exalloc_pkg::LookasideOpAccount;
assign fv_is_share   = s2_op_q == exalloc_pkg::LookasideOpShare;
assign fv_is_open    = s2_op_q == exalloc_pkg::LookasideOpOpen;
assign fv_is_close   = s2_op_q == exalloc_pkg::LookasideOpClose;
assign fv_is_govern  = s2_op_q == exalloc_pkg::LookasideOpGovern;
assign fv_guarded    = fv_is_pop || fv_is_push || fv_is_account || fv_is_share;

// The sweep after reset
logic [NumLists-1:0] fv_swept_q, fv_sweep_kept, fv_unformed;
for (genvar l = 0; l < NumLists; l++) begin : g_fv_sweep
  always_ff @(posedge clk_i) begin
    if (s2_end && s2_sweep_q && s2_list_q == ListW'(l)) fv_swept_q[l] <= 1'b1;
    if (rst_i) fv_swept_q[l] <= 1'b0;
  end
  assign fv_sweep_kept[l] = sweep_q <= (ListW + 1)'(l) || fv_swept_q[l] ||
                            (s1_valid_q && s1_sweep_q && s1_list_q == ListW'(l)) ||
                            (s2_valid_q && s2_sweep_q && s2_list_q == ListW'(l));
  assign fv_unformed[l] = fv_swept_q[l] && !fv_formed[l];
end

// ------------------------------------------------------------------------------------------------
// The observer's stacks
(* anyseq *) logic [EntryW-1:0] fv_word0, fv_word1, fv_word2, fv_word3;
(* anyseq *) logic [EntryW-1:0] fv_word4, fv_word5, fv_word6, fv_word7, fv_latch;
localparam int unsigned FvRows = NumLists * Depth;
logic [FvRows*EntryW-1:0] fv_words, fv_stack_q;
logic [NumLists*CountW-1:0] fv_count_q;
logic [CountW-1:0] fv_at_count, fv_at_top;
logic [FvRows-1:0] fv_row_wrong;
logic [NumLists-1:0] fv_count_wrong;
logic [EntryW-1:0] fv_entry3_q, fv_entry4_q, fv_entry5_q, fv_s3_word;
logic [AddrW-1:0] fv_top_row, fv_next_row;
assign fv_words = {fv_word7, fv_word6, fv_word5, fv_word4, fv_word3, fv_word2, fv_word1, fv_word0};
assign fv_at_count = fv_count_q[s2_list_q*CountW +: CountW];
assign fv_at_top = fv_at_count - 1'b1;
assign fv_top_row = {s2_list_q, fv_at_top[CountW-2:0]};
assign fv_next_row = {s2_list_q, fv_at_count[CountW-2:0]};
assign fv_s3_word = fv_words[s3_addr_q*EntryW +: EntryW];
for (genvar i = 0; i < FvRows; i++) begin : g_fv_row
  always_ff @(posedge clk_i) begin
    if (s2_end && status_d == exalloc_pkg::StatusOk && fv_is_push && fv_next_row == AddrW'(i)) begin
      fv_stack_q[i*EntryW +: EntryW] <= s2_data_q[EntryW-1:0];
    end
  end
  assign fv_row_wrong[i] = fv_swept_q[i/Depth] &&
                           CountW'(i % Depth) < fv_count_q[(i/Depth)*CountW +: CountW] &&
                           fv_stack_q[i*EntryW +: EntryW] !=
                           ((s3_pushed_q && s3_addr_q == AddrW'(i))
                                ? s3_data_q[EntryW-1:0] : fv_words[i*EntryW +: EntryW]);
end
for (genvar l = 0; l < NumLists; l++) begin : g_fv_count
  always_ff @(posedge clk_i) begin
    if (s2_end && s2_list_q == ListW'(l) && status_d == exalloc_pkg::StatusOk) begin
      if (fv_is_push) fv_count_q[l*CountW +: CountW] <= fv_at_count + 1'b1;
      if (fv_is_pop) fv_count_q[l*CountW +: CountW] <= fv_at_count - 1'b1;
      if (fv_is_open || fv_is_close) fv_count_q[l*CountW +: CountW] <= '0;
    end
  end
  assign fv_count_wrong[l] =
      fv_swept_q[l] && fv_count_q[l*CountW +: CountW] != fv_held[l*CountW +: CountW];
end
always_ff @(posedge clk_i) begin
  fv_entry3_q <= fv_stack_q[fv_top_row*EntryW +: EntryW];
  fv_entry4_q <= fv_entry3_q;
  fv_entry5_q <= fv_entry4_q;
end

// ------------------------------------------------------------------------------------------------
// What the slow operations should come to, from the state in the memories
logic [CountW-1:0] fv_take, fv_given, fv_left;
logic [FvSumW-1:0] fv_after, fv_free;
logic fv_over, fv_bad_range;
logic [CountW-1:0] fv_granted, fv_half, fv_target;
logic [CountW:0] fv_twice;
logic [CountW-1:0] fv_double;
logic fv_idle_q, fv_grow_q;
assign fv_over    = share_give > 16'(fv_at_reserved);
assign fv_given   = share_give[CountW-1:0];
assign fv_left    = fv_at_reserved - fv_given;
assign fv_after   = FvSumW'(fv_at_held) + FvSumW'(fv_left);
assign fv_free    = fv_after < FvSumW'(fv_at_depth) ? FvSumW'(fv_at_depth) - fv_after : '0;
assign fv_granted = share_take < 16'(fv_free) ? share_take[CountW-1:0] : fv_free[CountW-1:0];
assign fv_take    = share_take > 16'((1 << CountW) - 1) ? '1 : share_take[CountW-1:0];
assign fv_bad_range = !(open_minimum <= open_depth && open_depth <= open_maximum &&
                        open_maximum <= 9'(Depth));
assign fv_half    = fv_at_minimum + ((fv_at_depth - fv_at_minimum) >> 1);
assign fv_twice   = fv_at_depth == '0 ? (CountW + 1)'(1) : {fv_at_depth, 1'b0};
assign fv_double  = fv_twice < {1'b0, fv_at_maximum} ? fv_twice[CountW-1:0] : fv_at_maximum;
assign fv_target  = fv_idle_q ? fv_half : fv_grow_q ? fv_double : fv_at_depth;
always_ff @(posedge clk_i) begin
  if (s2_step_q == 3'd4) begin
    fv_idle_q <= idle;
    fv_grow_q <= grow;
  end
end

// ------------------------------------------------------------------------------------------------
// What changed in the last cycle, and who did it
logic [NumLists*(CountW+RoomW+2+StaticW)-1:0] fv_state, fv_state_q;
logic [NumLists-1:0] fv_changed, fv_stolen;
logic fv_ended_q, fv_allowed_q, fv_refused_q;
logic [ListW-1:0] fv_ended_list_q;
for (genvar l = 0; l < NumLists; l++) begin : g_fv_state
  localparam int unsigned W = CountW + RoomW + 2 + StaticW;
  assign fv_state[l*W +: W] = {stack_mem[l], static_mem[l]};
  assign fv_changed[l] = fv_state[l*W +: W] != fv_state_q[l*W +: W];
  assign fv_stolen[l] = fv_changed[l] && !(fv_ended_q && fv_ended_list_q == ListW'(l) && fv_allowed_q);
end
logic fv_ran_q = 1'b0;  // the cycle before was not the first, whose state is anything
always_ff @(posedge clk_i) begin
  fv_ran_q        <= fv_run_q;
  fv_state_q      <= fv_state;
  fv_ended_q      <= s2_end;
  fv_refused_q    <= s2_end && status_d != exalloc_pkg::StatusOk;
  fv_ended_list_q <= s2_list_q;
  fv_allowed_q    <= s2_sweep_q || !fv_guarded || (fv_at_open && fv_at_owner == s2_domain_q);
end

// ------------------------------------------------------------------------------------------------
always_comb begin
  if (fv_run_q) begin
    answered: assert (fv_waiting_q == fv_staged &&
                      (!rsp_valid_o || rsp_tag_o == fv_queue_q[FvOpW-1 -: TagW]));
    lifo: assert (!(rsp_valid_o && s5_popped_q) || rsp_data_o == 64'(fv_entry5_q));
    bounds: assert (!(fv_s2_op && s2_end) ||
                    (held_d <= CountW'(Depth) &&
                     (FvSumW'(held_d) + FvSumW'(s2_reserved_q) <= fv_at_used ||
                      FvSumW'(held_d) + FvSumW'(s2_reserved_q) <= FvSumW'(s2_depth_q))));
    refused: assert (!(fv_ran_q && fv_refused_q && (fv_changed != '0 || s3_pushed_q || s3_add_q ||
                                        s3_clear_q || s3_govern_q)));
    domains: assert (!fv_ran_q || (fv_stolen == '0 && (!(s3_add_q || s3_pushed_q ||
                                                         s3_popped_q) || fv_allowed_q)));
    empty: assert (!(fv_s2_op && fv_is_pop && s2_end) ||
                   (status_d == exalloc_pkg::StatusEmpty) ==
                   (fv_at_open && fv_at_owner == s2_domain_q && fv_at_count == '0));
    full: assert (!(fv_s2_op && fv_is_push && s2_end) ||
                  (status_d == exalloc_pkg::StatusFull) ==
                  (fv_at_open && fv_at_owner == s2_domain_q &&
                   fv_at_used >= FvSumW'(fv_at_depth)));
    share: assert (!(fv_s2_op && fv_is_share && s2_end && fv_at_open &&
                     fv_at_owner == s2_domain_q) ||
                   ((status_d == exalloc_pkg::StatusRange) == fv_over &&
                    (fv_over || (status_d == exalloc_pkg::StatusOk && granted_q == fv_granted &&
                                 s2_reserved_q == fv_left + fv_granted))));
    opens: assert (!(fv_s2_op && fv_is_open && s2_end) ||
                   (status_d == (fv_bad_range ? exalloc_pkg::StatusRange :
                                 fv_at_open ? exalloc_pkg::StatusBadList :
                                 exalloc_pkg::StatusOk) &&
                    (status_d != exalloc_pkg::StatusOk ||
                     (s2_open_q && s2_owner_q == s2_domain_q && held_d == '0 &&
                      s2_reserved_q == '0 && s2_depth_q == open_depth[CountW-1:0] &&
                      s2_minimum_q == open_minimum[CountW-1:0] &&
                      s2_maximum_q == open_maximum[CountW-1:0]))));
    governor: assert (!(fv_s2_op && fv_is_govern && s2_end && fv_at_open) ||
                      (s2_depth_q == fv_target && s2_minimum_q <= s2_depth_q &&
                       s2_depth_q <= s2_maximum_q && s2_minimum_q == fv_at_minimum &&
                       s2_maximum_q == fv_at_maximum));

    // What is on its way is what was taken.
    assert (!s4_valid_q || s4_tag_q == fv_op4[FvOpW-1 -: TagW]);
    assert (!s3_valid_q || s3_tag_q == fv_op3[FvOpW-1 -: TagW]);
    assert (!fv_s2_op ||
            fv_op2 == {s2_tag_q, s2_op_q, s2_list_q, s2_domain_q, s2_data_q[EntryW-1:0]});
    assert (!fv_s1_op ||
            fv_op1 == {s1_tag_q, s1_op_q, s1_list_q, s1_domain_q, s1_data_q[EntryW-1:0]});
    assert (!fv_s1_op || s1_op_q <= exalloc_pkg::LookasideOpGovern);
    assert (!fv_s2_op || s2_op_q <= exalloc_pkg::LookasideOpGovern);
    // The sweep.
    assert (&fv_sweep_kept && sweep_q <= (ListW + 1)'(NumLists));
    assert (!(s1_valid_q && s1_read_q) && !(s2_valid_q && s2_read_q));
    assert (!(s1_valid_q && s1_sweep_q) || (s1_op_q == exalloc_pkg::LookasideOpClose &&
                                            (ListW + 1)'(s1_list_q) < sweep_q));
    assert (!(s2_valid_q && s2_sweep_q) || (fv_is_close && s2_ok_q && s2_step_q <= 3'd1 &&
                                            s2_status_q == exalloc_pkg::StatusOk));
    assert (!(fv_s1_op || s1_read_q) || !sweeping);
    assert (!(fv_s2_op || s2_read_q) || (!sweeping && !(s1_valid_q && s1_sweep_q)));
    assert (!fv_s2_op || fv_swept_q[s2_list_q]);
    // States.
    assert (fv_unformed == '0 && fv_count_wrong == '0 && fv_row_wrong == '0);
    assert (!s2_valid_q || s2_slow_q == (s2_op_q >= exalloc_pkg::LookasideOpShare));
    assert (!(s2_valid_q && !s2_slow_q) || s2_step_q == 3'd0);
    assert (!(s2_valid_q && fv_is_share) || s2_step_q <= 3'd3);
    assert (!(s2_valid_q && fv_is_open) || s2_step_q <= 3'd2);
    assert (!(s2_valid_q && fv_is_close) || s2_step_q <= 3'd1);
    assert (!fv_s2_op || s2_ok_q == (s2_status_q == exalloc_pkg::StatusOk));
    assert (!fv_s2_op || (s2_status_q != exalloc_pkg::StatusEmpty &&
                          s2_status_q != exalloc_pkg::StatusFull));
    assert (!(fv_first || (fv_s2_op && !s2_ok_q)) || fv_same);
    assert (!(fv_first && fv_guarded) ||
            s2_status_q == (!fv_at_open ? exalloc_pkg::StatusBadList :
                            fv_at_owner != s2_domain_q ? exalloc_pkg::StatusDomain :
                            exalloc_pkg::StatusOk));
    assert (!(fv_first && (fv_is_close || fv_is_govern)) ||
            s2_status_q == (!fv_at_open ? exalloc_pkg::StatusBadList : exalloc_pkg::StatusOk));
    assert (!(fv_first && fv_is_open) || s2_ok_q);
    assert (!fv_s2_op || fv_s2_formed);
    assert (!(s2_valid_q && s2_sweep_q && s2_step_q == 3'd1) ||
            (fv_s2_formed && !s2_open_q && s2_held_q == '0));
    // The slow operations, step by step.
    assert (!(fv_s2_op && fv_is_share && s2_step_q != 3'd0) ||
            (fv_at_open && fv_at_owner == s2_domain_q && s2_ok_q == !fv_over &&
             (s2_ok_q || (s2_step_q == 3'd1 && s2_status_q == exalloc_pkg::StatusRange)) &&
             fv_same_stack && s2_open_q && s2_owner_q == fv_at_owner &&
             s2_depth_q == fv_at_depth && s2_minimum_q == fv_at_minimum &&
             s2_maximum_q == fv_at_maximum && take_q == fv_take));
    assert (!(fv_s2_op && fv_is_share && s2_ok_q && (s2_step_q == 3'd1 || s2_step_q == 3'd2)) ||
            s2_reserved_q == fv_left);
    assert (!(fv_s2_op && fv_is_share && s2_ok_q && s2_step_q >= 3'd2) || granted_q == fv_granted);
    assert (!(fv_s2_op && fv_is_share && s2_ok_q && s2_step_q == 3'd3) ||
            s2_reserved_q == fv_left + fv_granted);
    assert (!(fv_s2_op && fv_is_open && s2_step_q != 3'd0) || bad_range_q == fv_bad_range);
    assert (!(fv_s2_op && fv_is_open && s2_step_q == 3'd1) || (fv_same && s2_ok_q));
    assert (!(fv_s2_op && fv_is_open && s2_step_q == 3'd2) ||
            (s2_status_q == (fv_bad_range ? exalloc_pkg::StatusRange :
                             fv_at_open ? exalloc_pkg::StatusBadList : exalloc_pkg::StatusOk) &&
             (!s2_ok_q || (s2_open_q && s2_owner_q == s2_domain_q && s2_held_q == '0 &&
                           s2_reserved_q == '0 && s2_depth_q == open_depth[CountW-1:0] &&
                           s2_minimum_q == open_minimum[CountW-1:0] &&
                           s2_maximum_q == open_maximum[CountW-1:0]))));
    assert (!(fv_s2_op && fv_is_close && s2_step_q == 3'd1) ||
            (s2_ok_q && !s2_open_q && s2_held_q == '0));
    assert (!(fv_s2_op && fv_is_govern && s2_step_q != 3'd0) || (s2_ok_q && fv_at_open));
    assert (!(fv_s2_op && fv_is_govern && s2_step_q <= 3'd6) || fv_same);
    assert (!(fv_s2_op && fv_is_govern && s2_step_q >= 3'd1 && s2_step_q <= 3'd6) ||
            (shrunk_q == fv_half && twice_q == fv_twice));
    assert (!(fv_s2_op && fv_is_govern && s2_step_q >= 3'd2 && s2_step_q <= 3'd6) ||
            grown_q == fv_double);
    assert (!(fv_s2_op && fv_is_govern && s2_step_q >= 3'd5) || target_q == fv_target);
    assert (!(fv_s2_op && fv_is_govern && s2_step_q == 3'd6) ||
            change_q == RoomW'(fv_target) - RoomW'(fv_at_depth));
    assert (!(fv_s2_op && fv_is_govern && s2_step_q == 3'd7) ||
            (fv_same_stack && s2_open_q && s2_owner_q == fv_at_owner && s2_depth_q == fv_target &&
             s2_reserved_q == fv_at_reserved && s2_minimum_q == fv_at_minimum &&
             s2_maximum_q == fv_at_maximum));
    // Entries on their way out.
    assert (!(s3_valid_q && s3_popped_q) || fv_s3_word == fv_entry3_q);
    assert (!(s4_valid_q && s4_popped_q) || fv_latch == fv_entry4_q);
    assert (!(s3_valid_q && s3_popped_q && s3_pushed_q));
  end
end
