// The word of a slab is always that left by every earlier operation, for scripts/prove.
//
//@ proof short induction 2 sat,z3 NumSlabs=4 SlabWidth=8 UseUram=0
//@ mask: the free mask is that left by all earlier operations, the one in execute included; so are its flags
//@ wrong: s/fw_from_q\[0\] \? w3_mask_q : w2_mask_q/w2_mask_q/
//@ double: a quarter is marked as freed twice exactly when a block of it is free already
//@ wrong: s/ex_take_i \? take_double & ~ex_quarter_i : add_double/add_double/
//@ zero: a mask is seen as 0 exactly when it is
//@ wrong: s/fw_zero_o   = fw_hit_ex \? ex_exhaust_i/fw_zero_o   = fw_hit_ex ? ex_take_i/
//@ owner: owner and limit are those of the last link, unless a link in flight is announced
//@ wrong: s/\(rd_hit_w2 && w2_link_q\)/1'b0/
//@ successors: the successors are those of the last push, unless a push in flight is announced
//@ wrong: s/\(rd_hit_wb && wb_push_q\)/1'b0/
//@ swept: after a reset every mask is 0 and no slab has an owner
//@ wrong: s/wb_owner_q <= NoOwner;/wb_owner_q <= wb_owner_q;/
//
//@ see fv_word0 u_masks.gen_single.gen_any.mem[0]
//@ see fv_word1 u_masks.gen_single.gen_any.mem[1]
//@ see fv_word2 u_masks.gen_single.gen_any.mem[2]
//@ see fv_word3 u_masks.gen_single.gen_any.mem[3]
//@ see fv_link0 u_links.gen_single.gen_any.mem[0]
//@ see fv_link1 u_links.gen_single.gen_any.mem[1]
//@ see fv_link2 u_links.gen_single.gen_any.mem[2]
//@ see fv_link3 u_links.gen_single.gen_any.mem[3]
//@ see fv_limit0 u_limits.gen_any.mem[0]
//@ see fv_limit1 u_limits.gen_any.mem[1]
//@ see fv_limit2 u_limits.gen_any.mem[2]
//@ see fv_limit3 u_limits.gen_any.mem[3]
//@ see fv_latch u_masks.gen_single.latch_q
//@ see fv_link_latch u_links.gen_single.latch_q
localparam int unsigned FvWordW = SlabWidth + 8;
(* anyseq *) logic [FvWordW-1:0] fv_word0, fv_word1, fv_word2, fv_word3, fv_latch;
(* anyseq *) logic [LinkW-1:0] fv_link0, fv_link1, fv_link2, fv_link3, fv_link_latch;
(* anyseq *) logic [BitW-1:0] fv_limit0, fv_limit1, fv_limit2, fv_limit3;

// The truth: all words after every operation before the one in execute, and after that one
logic [4*SlabWidth-1:0] fv_mask_q, fv_mask_d;
logic [4*8-1:0] fv_owner_q, fv_owner_d;
logic [4*BitW-1:0] fv_limit_q, fv_limit_d;
logic [4*LinkW-1:0] fv_links_q, fv_links_d;
logic [3:0] fv_done_q, fv_fresh_q, fv_pushed_q;
logic [SlabWidth-1:0] fv_target_mask;
logic [7:0] fv_target_owner;
always_comb begin
  fv_mask_d  = fv_mask_q;
  fv_owner_d = fv_owner_q;
  fv_limit_d = fv_limit_q;
  fv_links_d = fv_links_q;
  fv_target_mask  = '0;
  fv_target_owner = '0;
  for (int unsigned s = 0; s < 4; s++) begin
    if (ex_target_i == AddrW'(s)) begin
      fv_target_mask  = fv_mask_q[s*SlabWidth +: SlabWidth];
      fv_target_owner = fv_owner_q[s*8 +: 8];
      if (ex_write_i) begin
        fv_mask_d[s*SlabWidth +: SlabWidth]  = ex_mask;
        fv_owner_d[s*8 +: 8] = ex_erase_i ? NoOwner : ex_list_i;
        if (ex_link_i) fv_limit_d[s*BitW +: BitW] = ex_limit_i;
        if (ex_push_i) fv_links_d[s*LinkW +: LinkW] = ex_links;
      end
    end
    if (sweeping_i && sweep_slab_i == AddrW'(s)) begin
      fv_mask_d[s*SlabWidth +: SlabWidth] = wb_mask_q;
      fv_owner_d[s*8 +: 8] = wb_owner_q;
    end
  end
end
always_ff @(posedge clk_i) begin
  fv_mask_q  <= fv_mask_d;
  fv_owner_q <= fv_owner_d;
  fv_limit_q <= fv_limit_d;
  fv_links_q <= fv_links_d;
  if (ex_write_i) fv_fresh_q[ex_target_i] <= 1'b0;
  if (ex_link_i) fv_pushed_q[ex_target_i] <= 1'b1;
  if (sweeping_i) begin
    fv_done_q[sweep_slab_i] <= 1'b1;
    fv_fresh_q[sweep_slab_i] <= 1'b1;
  end
  if (rst_i) begin
    fv_done_q <= '0;
    fv_pushed_q <= '0;
  end
end

// What slab_bank feeds: addresses moving from stage to stage; what execute writes is made of the newest word; nothing
// executes during the sweep. An operation that erases runs alone: what is read within four cycles of it is of no interest.
logic [AddrW-1:0] fv_ad_q, fv_rd_q, fv_w3_target_q;
logic fv_rst_q, fv_sweeping_q, fv_rd_good_q, fv_fw_good_q, fv_w3_write_q, fv_w3_push_q, fv_w3_link_q;
logic [3:0] fv_erased_q;
logic [3:0] fv_head_flags, fv_word_flags, fv_bits_flags;
always_ff @(posedge clk_i) begin
  fv_ad_q <= ad_slab_i;
  fv_rd_q <= rd_slab_i;
  fv_rst_q <= rst_i;
  fv_sweeping_q <= sweeping_i;
  fv_rd_good_q <= fv_run_q && !sweeping_i && !fv_rst_q && !rst_i;
  fv_fw_good_q <= fv_rd_good_q && !rst_i;
  fv_w3_write_q <= w2_write_q && !rst_i;
  fv_w3_push_q  <= w2_write_q && w2_push_q && !rst_i;
  fv_w3_link_q  <= w2_write_q && w2_link_q && !rst_i;
  fv_w3_target_q <= w2_slab_q;
  fv_erased_q <= {fv_erased_q[2:0], ex_erase_i && ex_write_i};
end
always_comb begin
  for (int unsigned q = 0; q < 4; q++) begin
    fv_head_flags[q] = ex_head_mask_i[q*QuarterW +: QuarterW] != '0;
    fv_word_flags[q] = ex_word_mask_i[q*QuarterW +: QuarterW] != '0;
    fv_bits_flags[q] = ex_bits_i[q*QuarterW +: QuarterW] != '0;
  end
  if (fv_run_q) begin
    assume (rd_slab_i == fv_ad_q && fw_slab_i == fv_rd_q);
    if (fv_rst_q) assume (sweeping_i);
    if (!fv_rst_q && !fv_sweeping_q) assume (!sweeping_i);
    if (!sweeping_i) assume (fv_done_q == 4'b1111);
  end
  if (fv_run_q) begin
    if (sweeping_i || fv_rst_q) assume (!ex_write_i);
    // A push or a link is a write, and one kind of write.
    assume (!ex_push_i || ex_write_i);
    assume (!ex_link_i || (ex_write_i && ex_push_i));
    assume (!(ex_erase_i && (ex_take_i || ex_link_i || ex_push_i)) && !(ex_take_i && (ex_link_i || ex_push_i)));
    if (ex_write_i && ex_take_i) begin
      assume (ex_head_mask_i == fv_target_mask && ex_head_flags_i == fv_head_flags);
      assume (ex_quarter_i != 4'd0 && (ex_quarter_i & (ex_quarter_i - 4'd1)) == 4'd0 &&
              (ex_quarter_i & ~ex_head_flags_i) == 4'd0);
      assume (ex_exhaust_i == (ex_head_flags_i == ex_quarter_i));
    end
    if (ex_write_i && !ex_take_i) assume (!ex_exhaust_i);
    if (ex_write_i && !ex_take_i && !ex_erase_i) begin
      assume (ex_word_mask_i == fv_target_mask && ex_word_flags_i == fv_word_flags);
      assume (ex_bits_i != '0 && ex_bits_flags_i == fv_bits_flags);
    end
    if (ex_write_i && !ex_erase_i && !ex_link_i) assume (ex_list_i == fv_target_owner);
  end
end

// What is true of the slab in forward, and what memories and stages must hold for it
logic [SlabWidth-1:0] fv_now;
logic [7:0] fv_now_owner;
logic [BitW-1:0] fv_now_limit;
logic [LinkW-1:0] fv_now_links;
logic [3:0] fv_now_flags, fv_now_double;
logic fv_pushed;
logic [3:0] fv_mem, fv_link_mem, fv_limit_mem, fv_empty;
logic [FvWordW-1:0] fv_rd_mem;
logic [LinkW-1:0] fv_rd_links;
logic [BitW-1:0] fv_rd_limit;
logic [4*FvWordW-1:0] fv_words;
logic [4*LinkW-1:0] fv_link_words;
logic [4*BitW-1:0] fv_limits;
assign fv_words      = {fv_word3, fv_word2, fv_word1, fv_word0};
assign fv_link_words = {fv_link3, fv_link2, fv_link1, fv_link0};
assign fv_limits     = {fv_limit3, fv_limit2, fv_limit1, fv_limit0};
logic [7:0] fv_before_owner;  // of the slab in forward before the operation in execute
logic [BitW-1:0] fv_mem_limit;
logic [LinkW-1:0] fv_mem_links;
logic [FvWordW-1:0] fv_mem_word;
always_comb begin
  fv_now = '0;
  fv_now_owner = '0;
  fv_now_limit = '0;
  fv_now_links = '0;
  fv_before_owner = '0;
  fv_mem_word = '0;
  fv_mem_links = '0;
  fv_mem_limit = '0;
  fv_rd_mem = '0;
  fv_rd_links = '0;
  fv_rd_limit = '0;
  for (int unsigned s = 0; s < 4; s++) begin
    if (fw_slab_i == AddrW'(s)) begin
      fv_now          = fv_mask_d[s*SlabWidth +: SlabWidth];
      fv_now_owner    = fv_owner_d[s*8 +: 8];
      fv_now_limit    = fv_limit_d[s*BitW +: BitW];
      fv_now_links    = fv_links_d[s*LinkW +: LinkW];
      fv_before_owner = fv_owner_q[s*8 +: 8];
      fv_mem_word     = fv_words[s*FvWordW +: FvWordW];
      fv_mem_links    = fv_link_words[s*LinkW +: LinkW];
      fv_mem_limit    = fv_limits[s*BitW +: BitW];
    end
    if (rd_slab_i == AddrW'(s)) begin
      fv_rd_mem   = fv_words[s*FvWordW +: FvWordW];
      fv_rd_links = fv_link_words[s*LinkW +: LinkW];
      fv_rd_limit = fv_limits[s*BitW +: BitW];
    end
    fv_mem[s] = !fv_done_q[s] || {fv_owner_q[s*8 +: 8], fv_mask_q[s*SlabWidth +: SlabWidth]} ==
        (wb_write_q && wb_slab_q == AddrW'(s) ? {wb_owner_q, wb_mask_q} : fv_words[s*FvWordW +: FvWordW]);
    fv_link_mem[s] = !fv_pushed_q[s] || fv_links_q[s*LinkW +: LinkW] ==
        (wb_push_q && wb_slab_q == AddrW'(s) ? wb_links_q : fv_link_words[s*LinkW +: LinkW]);
    fv_limit_mem[s] = !fv_pushed_q[s] || fv_limit_q[s*BitW +: BitW] ==
        (wb_link_q && wb_slab_q == AddrW'(s) ? wb_limit_q : fv_limits[s*BitW +: BitW]);
    fv_empty[s] = !fv_done_q[s] || !fv_fresh_q[s] ||
                  (fv_mask_q[s*SlabWidth +: SlabWidth] == '0 && fv_owner_q[s*8 +: 8] == NoOwner);
  end
  fv_pushed = fv_pushed_q[fw_slab_i];
  for (int unsigned q = 0; q < 4; q++) begin
    fv_now_flags[q]  = fv_now[q*QuarterW +: QuarterW] != '0;
    fv_now_double[q] = (fw_bits_i[q*QuarterW +: QuarterW] & fv_now[q*QuarterW +: QuarterW]) != '0;
  end
end
// Stages: which write the word in read and in forward misses. w3 is the one before w2.
logic fv_wb_hit, fv_w2_hit, fv_w3_hit, fv_rd_w2;
logic fv_quiet;
logic [3:0] fv_wb_flags, fv_w2_flags, fv_w3_flags;
assign fv_wb_hit = wb_write_q && wb_slab_q == fw_slab_i;
assign fv_w2_hit = w2_write_q && w2_slab_q == fw_slab_i;
assign fv_w3_hit = fv_w3_write_q && fv_w3_target_q == fw_slab_i;
assign fv_rd_w2  = w2_write_q && w2_slab_q == rd_slab_i;
assign fv_quiet  = fv_erased_q == 4'd0 && !(ex_erase_i && ex_write_i);
always_comb begin
  for (int unsigned q = 0; q < 4; q++) begin
    fv_wb_flags[q] = wb_mask_q[q*QuarterW +: QuarterW] != '0;
    fv_w2_flags[q] = w2_mask_q[q*QuarterW +: QuarterW] != '0;
    fv_w3_flags[q] = w3_mask_q[q*QuarterW +: QuarterW] != '0;
  end
end
logic [FvWordW-1:0] fv_wb_word, fv_w2_word, fv_w3_word;  // what the memory holds for the slabs in these stages
always_comb begin
  fv_wb_word = '0;
  fv_w2_word = '0;
  fv_w3_word = '0;
  for (int unsigned s = 0; s < 4; s++) begin
    if (wb_slab_q == AddrW'(s)) fv_wb_word = fv_words[s*FvWordW +: FvWordW];
    if (w2_slab_q == AddrW'(s)) fv_w2_word = fv_words[s*FvWordW +: FvWordW];
    if (fv_w3_target_q == AddrW'(s)) fv_w3_word = fv_words[s*FvWordW +: FvWordW];
  end
end

always_comb begin
  if (fv_run_q && fv_fw_good_q) begin
    mask: assert (fw_mask_o == fv_now && fw_flags_o == fv_now_flags);
    double: assert (fw_double_o == fv_now_double || (fw_hit_ex && ex_erase_i));
    zero: assert (fw_zero_o == (fv_now == '0) || (fw_hit_ex && ex_erase_i));
    owner: assert (fw_linked_o || !fv_quiet ||
                   (fw_owner_o == fv_now_owner && (!fv_pushed || fw_limit_o == fv_now_limit)));
    successors: assert (fw_stale_o || !fv_pushed || {fw_succ_exist_o, fw_succ_ids_o} == fv_now_links);
    // What was chosen
    assert (fw_from_q == (fv_wb_hit ? 2'd1 : fv_w2_hit ? 2'd2 : fv_w3_hit ? 2'd3 : 2'd0));
    assert (fw_linked_q == ((fv_wb_hit && wb_link_q) || (fv_w2_hit && w2_link_q) ||
                            (fv_w3_hit && fv_w3_link_q)));
    assert (fw_stale_q == ((fv_wb_hit && wb_push_q) || (fv_w2_hit && w2_push_q) ||
                           (fv_w3_hit && fv_w3_push_q)));
    // What the memories gave two cycles ago is what they hold, but for the writes since.
    assert (fv_w2_hit || fv_w3_hit || fw_word == fv_mem_word);
    assert ((fv_w2_hit && w2_push_q) || (fv_w3_hit && fv_w3_push_q) || fw_links == fv_mem_links);
    assert ((fv_w2_hit && w2_link_q) || (fv_w3_hit && fv_w3_link_q) || fw_limit_o == fv_mem_limit);
    // Nothing but an erase or a link changes an owner.
    assert (fw_linked_q || fv_erased_q[2:0] != 3'd0 || fw_word[SlabWidth +: 8] == fv_before_owner);
  end
  if (fv_run_q && fv_rd_good_q) begin
    assert (fv_rd_w2 || fv_latch == fv_rd_mem);
    assert ((fv_rd_w2 && w2_push_q) || fv_link_latch == fv_rd_links);
    assert ((fv_rd_w2 && w2_link_q) || rd_limit == fv_rd_limit);
    assert (fv_erased_q[1:0] != 2'd0 || (fv_rd_w2 && w2_link_q) || fv_latch[SlabWidth +: 8] == fv_rd_mem[SlabWidth +: 8]);
  end
  if (fv_run_q) begin
    swept: assert (&fv_empty);
    assert (&fv_mem);
    assert (&fv_link_mem);
    assert (&fv_limit_mem);
    assert (!(sweeping_i || fv_rst_q) || (!wb_write_q && wb_mask_q == '0 && wb_owner_q == NoOwner));
    assert (!(sweeping_i || fv_rst_q) || !(w2_write_q || fv_w3_write_q || fv_rd_good_q || fv_fw_good_q));
    assert (!wb_push_q || wb_write_q);
    assert (!wb_link_q || wb_push_q);
    assert (!wb_write_q || wb_link_q || fv_erased_q[0] || wb_owner_q == fv_wb_word[SlabWidth +: 8]);
    assert (!(w2_write_q || fv_w3_write_q || wb_write_q || fv_rd_good_q || fv_fw_good_q) || fv_done_q == 4'b1111);
    assert (!w2_write_q || fv_w2_word[SlabWidth-1:0] == w2_mask_q);
    assert (!fv_w3_write_q || (w2_write_q && w2_slab_q == fv_w3_target_q) ||
            fv_w3_word[SlabWidth-1:0] == w3_mask_q);
    assert (!wb_write_q || wb_flags_q == fv_wb_flags);
    assert (!w2_write_q || w2_flags_q == fv_w2_flags);
    assert (!fv_w3_write_q || w3_flags_q == fv_w3_flags);
  end
end
